// The bytes that are sent, so that what comes back can be checked: each connection has its own
// place in a random sequence of a prime length, and begins elsewhere in it each time around, so
// that messages do not repeat whatever their size.
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
  Pattern();

  // Bytes of `connection`'s sequence from `offset` on: `count`, or fewer when it begins anew.
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
