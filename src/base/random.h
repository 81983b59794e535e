// Numbers that look random: cheap, the same everywhere for the same seed, and no secret.
#pragma once

#include <cstdint>

namespace ouro {

// SplitMix64's finalizer: each bit of the value changes half of the bits of the result. One to one.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) noexcept : state_(seed) {}

  constexpr std::uint64_t next() noexcept { return mix(state_ += 0x9e3779b97f4a7c15); }
  // Less than `bound`, which is not 0. Even enough for bounds far below 2^64.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }

 private:
  std::uint64_t state_;
};

}  // namespace ouro
