#include "proxy/config/network.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace ouro::proxy {
namespace {

constexpr std::size_t kMappedBytes = 12;  // ::ffff:0:0/96, before the four of IPv4
constexpr unsigned kMappedBits = 96;

struct Ip {
  std::array<std::uint8_t, 16> bytes{};
  bool ipv6 = false;
};

bool is_mapped(const std::uint8_t* bytes) {
  return std::all_of(bytes, bytes + 10, [](std::uint8_t byte) { return byte == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

// Nothing for a Unix address.
std::optional<Ip> ip_of(const Address& address) noexcept {
  Ip ip;
  if (address.family() == Address::Family::kIpv4) {
    const auto* raw = reinterpret_cast<const sockaddr_in*>(address.raw());
    std::memcpy(ip.bytes.data(), &raw->sin_addr, sizeof raw->sin_addr);
    return ip;
  }
  if (address.family() != Address::Family::kIpv6) return std::nullopt;
  const auto* raw = reinterpret_cast<const sockaddr_in6*>(address.raw());
  ip.ipv6 = !is_mapped(raw->sin6_addr.s6_addr);
  const std::size_t skipped = ip.ipv6 ? 0 : kMappedBytes;
  std::memcpy(ip.bytes.data(), raw->sin6_addr.s6_addr + skipped, ip.ipv6 ? 16 : 4);
  return ip;
}

std::optional<Address> parse_ip(std::string_view text) {
  // Anything else would be a port, a scope or a name.
  constexpr std::string_view kLetters = "0123456789abcdefABCDEF.:";
  if (text.find_first_not_of(kLetters) != text.npos) return std::nullopt;
  const bool ipv6 = text.find(':') != text.npos;
  const auto address =
      Address::parse(ipv6 ? "[" + std::string(text) + "]:0" : std::string(text) + ":0");
  if (!address) return std::nullopt;
  return *address;
}

std::optional<unsigned> parse_prefix(std::string_view text, unsigned most) {
  unsigned prefix = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, prefix);
  if (error != std::errc{} || stop != end || prefix > most) return std::nullopt;
  return prefix;
}

std::unexpected<Failure> refuse_network(std::string_view text, const std::string& why) {
  return fail(Errc::kInvalid, "'" + std::string(text) + "' " + why);
}

std::string without_port(const std::string& text) {
  const std::string host = text.substr(0, text.rfind(':'));
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

Result<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  const auto ip = address ? ip_of(*address) : std::nullopt;
  if (!ip) {
    return refuse_network(
        text, "is not a block of addresses; try 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7");
  }
  // The prefix counts the bits of what was written, and ::ffff:10.0.0.0/104 was written as IPv6.
  const bool written_ipv6 = address->family() == Address::Family::kIpv6;
  const unsigned most = written_ipv6 ? 128 : 32;
  const unsigned least = written_ipv6 && !ip->ipv6 ? kMappedBits : 0;
  const auto prefix = slash == text.npos ? most : parse_prefix(text.substr(slash + 1), most);
  if (!prefix || *prefix < least) {
    return refuse_network(text, "has no prefix from " + std::to_string(least) + " to " +
                                    std::to_string(most) + " after the slash");
  }
  Network network;
  network.bytes_ = ip->bytes;
  network.ipv6_ = ip->ipv6;
  network.prefix_ = static_cast<std::uint8_t>(*prefix - least);
  const Network masked = network.masked();
  if (masked == network) return network;
  return refuse_network(text, "has bits beyond its prefix; write " + masked.to_string());
}

Network Network::masked() const noexcept {
  Network masked = *this;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    const auto kept =
        static_cast<unsigned>(std::clamp(int{prefix_} - 8 * static_cast<int>(i), 0, 8));
    masked.bytes_[i] = static_cast<std::uint8_t>(bytes_[i] & (0xff00u >> kept));
  }
  return masked;
}

bool Network::contains(const Address& address) const noexcept {
  const auto ip = ip_of(address);
  if (!ip || ip->ipv6 != ipv6_) return false;
  const std::size_t whole = prefix_ / 8;
  if (std::memcmp(ip->bytes.data(), bytes_.data(), whole) != 0) return false;
  const unsigned rest = prefix_ % 8;
  return rest == 0 || ((ip->bytes[whole] ^ bytes_[whole]) & (0xff00u >> rest) & 0xffu) == 0;
}

std::string Network::to_string() const {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  std::memcpy(&v4.sin_addr, bytes_.data(), sizeof v4.sin_addr);
  std::memcpy(&v6.sin6_addr, bytes_.data(), sizeof v6.sin6_addr);
  const Address address = ipv6_ ? Address::from_raw(reinterpret_cast<sockaddr*>(&v6), sizeof v6)
                                : Address::from_raw(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  const std::string ip = without_port(address.to_string());
  const bool alone = prefix_ == (ipv6_ ? 128 : 32);
  return alone ? ip : ip + "/" + std::to_string(prefix_);
}

bool any_contains(const std::vector<Network>& networks, const Address& address) noexcept {
  return std::ranges::any_of(
      networks, [&address](const Network& network) { return network.contains(address); });
}

}  // namespace ouro::proxy
