#include "load/pattern.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace ouro::load {

Pattern::Pattern() : bytes_(2 * kPeriod) {
  constexpr std::uint64_t kSeed = 862;  // any will do, as long as it is always the same
  std::mt19937_64 random(kSeed);
  for (std::size_t i = 0; i < kPeriod; ++i) bytes_[i] = static_cast<std::byte>(random());
  for (std::size_t i = kPeriod; i < bytes_.size(); ++i) bytes_[i] = bytes_[i - kPeriod];
}

std::span<const std::byte> Pattern::piece(std::size_t connection, std::uint64_t offset,
                                          std::size_t count) const noexcept {
  constexpr std::size_t kConnectionsApart = 31337;
  constexpr std::size_t kRoundsApart = 7919;
  const std::size_t place = offset % kPeriod;
  const std::size_t moved =
      (offset / kPeriod % kPeriod) * kRoundsApart + (connection % kPeriod) * kConnectionsApart;
  return std::span(bytes_).subspan((place + moved) % kPeriod, std::min(count, kPeriod - place));
}

std::optional<std::uint64_t> Pattern::first_difference(
    std::size_t connection, std::uint64_t offset,
    std::span<const std::byte> received) const noexcept {
  while (!received.empty()) {
    const auto expected = piece(connection, offset, received.size());
    if (std::memcmp(expected.data(), received.data(), expected.size()) != 0) {
      const auto differs = std::ranges::mismatch(expected, received);
      return offset + static_cast<std::uint64_t>(differs.in1 - expected.begin());
    }
    offset += expected.size();
    received = received.subspan(expected.size());
  }
  return std::nullopt;
}

}  // namespace ouro::load
