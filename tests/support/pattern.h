// Bytes that tell where they belong. Every stream has an endless sequence of its own, so that a
// byte lost, doubled, reordered or taken from another connection is seen at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ouro::test {

// Writes the bytes [offset, offset + out.size()) of `stream`.
void fill_pattern(std::uint64_t stream, std::uint64_t offset, std::span<std::byte> out);

[[nodiscard]] std::vector<std::byte> make_pattern(std::uint64_t stream, std::uint64_t offset,
                                                  std::size_t size);

// Says in words where `bytes`, taken as the part of `stream` that begins at `offset`, go wrong
// first. Empty when they are right.
[[nodiscard]] std::string check_pattern(std::uint64_t stream, std::uint64_t offset,
                                        std::span<const std::byte> bytes);

// Follows one stream as it arrives in pieces, and remembers the first thing that was wrong.
class PatternChecker {
 public:
  explicit PatternChecker(std::uint64_t stream) : stream_(stream) {}

  void take(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] const std::string& mistake() const { return mistake_; }

 private:
  std::uint64_t stream_;
  std::uint64_t received_ = 0;
  std::string mistake_;
};

// A small generator for sizes and choices: the same seed gives the same test everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  // The first numbers are those of `script`, two bytes each; it has to outlive the generator.
  explicit Random(std::span<const std::uint8_t> script) : script_(script) {}

  [[nodiscard]] std::uint64_t next();
  // Evenly enough for tests, in [1, most].
  [[nodiscard]] std::size_t size_to(std::size_t most) { return 1 + next() % most; }

 private:
  std::uint64_t state_ = 0;
  std::span<const std::uint8_t> script_;
};

}  // namespace ouro::test
