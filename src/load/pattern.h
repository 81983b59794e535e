// The bytes that are sent, so that what comes back can be checked: each connection has its own
// place in one long random sequence that repeats after a prime number of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ouro::load {

// Never changes, may be shared by threads.
class Pattern {
 public:
  // What one piece may hold at most.
  static constexpr std::size_t kPieceMax = 65536;

  Pattern();

  // Bytes of `connection`'s sequence from `offset` on, at most kPieceMax of them.
  [[nodiscard]] std::span<const std::byte> piece(std::size_t connection, std::uint64_t offset,
                                                 std::size_t count) const noexcept;
  // Where `received`, which should be that sequence from `offset` on, differs first.
  [[nodiscard]] std::optional<std::uint64_t> first_difference(
      std::size_t connection, std::uint64_t offset,
      std::span<const std::byte> received) const noexcept;

 private:
  static constexpr std::size_t kPeriod = 65521;

  std::vector<std::byte> bytes_;
};

}  // namespace ouro::load
