#include "proxy/named_place.h"

#include <cstring>
#include <string_view>

#include "proxy/wire/address_bytes.h"

namespace ouro::proxy {
namespace {

constexpr int kReadsMax = 16;

using Words = std::array<std::uint64_t, 3>;

// The first word: what is not the address itself.
constexpr std::uint64_t kThere = 1;
constexpr std::uint64_t kIpv4 = 2;
constexpr std::uint64_t kBackup = 4;
constexpr int kPortShift = 16;
constexpr int kWeightShift = 32;

Words to_words(const NamedPlace& place) noexcept {
  Words words{};
  const auto bytes = ipv6_bytes(place.address);
  if (!bytes) return words;
  words[0] = kThere | (place.backup ? kBackup : 0) |
             std::uint64_t{place.address.port()} << kPortShift |
             std::uint64_t{place.weight} << kWeightShift;
  if (place.address.family() == Address::Family::kIpv4) words[0] |= kIpv4;
  std::memcpy(&words[1], bytes->data(), bytes->size());
  return words;
}

NamedPlace from_words(const Words& words) noexcept {
  if ((words[0] & kThere) == 0) return {};
  std::array<char, kIpv6Bytes> bytes{};
  std::memcpy(bytes.data(), &words[1], bytes.size());
  std::string_view text(bytes.data(), bytes.size());
  if ((words[0] & kIpv4) != 0) text.remove_prefix(kIpv6Bytes - kIpv4Bytes);
  const auto port = static_cast<std::uint16_t>(words[0] >> kPortShift);
  return {address_from_ip(text, port), static_cast<unsigned>(words[0] >> kWeightShift),
          (words[0] & kBackup) != 0};
}

}  // namespace

void PublishedPlace::publish(const NamedPlace& place) noexcept {
  const Words words = to_words(place);
  const std::uint64_t next = version_.load() + 1;
  for (std::size_t i = 0; i < words.size(); ++i) copies_[next & 1][i].store(words[i]);
  version_.store(next);
}

std::optional<NamedPlace> PublishedPlace::read() const noexcept {
  for (int i = 0; i < kReadsMax; ++i) {
    const std::uint64_t version = version_.load();
    Words words{};
    for (std::size_t j = 0; j < words.size(); ++j) words[j] = copies_[version & 1][j].load();
    if (version_.load() == version) return from_words(words);
  }
  return std::nullopt;
}

}  // namespace ouro::proxy
