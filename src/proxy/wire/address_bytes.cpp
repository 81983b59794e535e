#include "proxy/wire/address_bytes.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "base/random.h"

namespace ouro::proxy {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// sockaddr_un, whose header is for those who make sockets.
struct RawUnix {
  sa_family_t family = AF_UNIX;
  std::array<char, kUnixPathBytes> path{};
};

template <typename Raw>
Address from(const Raw& raw, std::size_t size = sizeof(Raw)) noexcept {
  return Address::from_raw(reinterpret_cast<const sockaddr*>(&raw), size);
}

std::uint64_t half(const Ipv6Bytes& bytes, std::size_t at) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = at; i < at + 8; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

std::optional<Ipv6Bytes> ipv6_bytes(const Address& address) noexcept {
  Ipv6Bytes bytes{};
  if (address.family() == Address::Family::kIpv6) {
    const auto* raw = reinterpret_cast<const sockaddr_in6*>(address.raw());
    std::memcpy(bytes.data(), &raw->sin6_addr, kIpv6Bytes);
    return bytes;
  }
  if (address.family() != Address::Family::kIpv4) return std::nullopt;
  const auto* raw = reinterpret_cast<const sockaddr_in*>(address.raw());
  std::ranges::copy(kMappedPrefix, bytes.begin());
  std::memcpy(bytes.data() + kMappedPrefix.size(), &raw->sin_addr, kIpv4Bytes);
  return bytes;
}

bool is_mapped_ipv4(const Ipv6Bytes& bytes) noexcept {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

Address address_from_ip(std::string_view bytes, std::uint16_t port) noexcept {
  if (bytes.size() == kIpv4Bytes) {
    sockaddr_in raw{};
    raw.sin_family = AF_INET;
    raw.sin_port = htons(port);
    std::memcpy(&raw.sin_addr, bytes.data(), kIpv4Bytes);
    return from(raw);
  }
  OURO_CHECK(bytes.size() == kIpv6Bytes);
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  std::memcpy(&raw.sin6_addr, bytes.data(), kIpv6Bytes);
  return from(raw);
}

Address address_from_path(std::string_view path) noexcept {
  path = path.substr(0, path.find('\0'));
  // The last byte is the zero that ends it.
  if (path.empty() || path.size() >= kUnixPathBytes) return {};
  RawUnix raw;
  std::ranges::copy(path, raw.path.begin());
  return from(raw, offsetof(RawUnix, path) + path.size() + 1);
}

std::uint64_t client_hash(const Address& address) noexcept {
  const auto bytes = ipv6_bytes(address);
  return bytes ? mix(mix(half(*bytes, 0)) ^ half(*bytes, 8)) : 0;
}

}  // namespace ouro::proxy
