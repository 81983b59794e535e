#include "ouro/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>

namespace ouro {
namespace {

Result<std::uint16_t> parse_port(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || error != std::errc{} || stop != end || port > 65535) {
    return fail(Errc::kInvalid,
                "'" + std::string(whole) + "' has no port between 0 and 65535 after the colon");
  }
  return static_cast<std::uint16_t>(port);
}

Result<Address> parse_unix(std::string_view path) {
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof raw.sun_path || path.find('\0') != path.npos) {
    return fail(Errc::kInvalid, "a Unix socket path has 1 to 107 characters");
  }
  if (path.front() == '@') return fail(Errc::kInvalid, "abstract Unix sockets are not supported");
  std::memcpy(raw.sun_path, path.data(), path.size());
  const std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + 1;
  return Address::from_raw(reinterpret_cast<sockaddr*>(&raw), size);
}

Result<Address> parse_ip(const std::string& host, std::uint16_t port, bool bracketed) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (!bracketed && ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    return Address::from_raw(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (bracketed && ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    return Address::from_raw(reinterpret_cast<sockaddr*>(&v6), sizeof v6);
  }
  return fail(Errc::kInvalid, "'" + host + "' is not an IP address; IPv6 is written [::1]:7007");
}

template <typename Raw>
const Raw* as(const sockaddr* raw) noexcept {
  return reinterpret_cast<const Raw*>(raw);
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(Errc::kInvalid, "'" + std::string(text) +
                                    "' is not an address; try 127.0.0.1:7007, [::1]:7007 or "
                                    "unix:/run/echo.sock");
  }
  const auto port = parse_port(text.substr(colon + 1), text);
  if (!port) return std::unexpected(port.error());
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  return parse_ip(std::string(host), *port, bracketed);
}

Address Address::from_raw(const sockaddr* raw, std::size_t size) noexcept {
  Address address;
  const bool known =
      raw->sa_family == AF_INET || raw->sa_family == AF_INET6 || raw->sa_family == AF_UNIX;
  if (!known || size > kRawSizeMax) return address;
  std::memcpy(address.raw_.data(), raw, size);
  address.size_ = static_cast<std::uint16_t>(size);
  return address;
}

const sockaddr* Address::raw() const noexcept {
  return reinterpret_cast<const sockaddr*>(raw_.data());
}

Address::Family Address::family() const noexcept {
  if (size_ == 0) return Family::kNone;
  switch (raw()->sa_family) {
    case AF_INET:
      return Family::kIpv4;
    case AF_INET6:
      return Family::kIpv6;
    default:
      return Family::kUnix;
  }
}

std::uint16_t Address::port() const noexcept {
  switch (family()) {
    case Family::kIpv4:
      return ntohs(as<sockaddr_in>(raw())->sin_port);
    case Family::kIpv6:
      return ntohs(as<sockaddr_in6>(raw())->sin6_port);
    default:
      return 0;
  }
}

Address Address::with_port(std::uint16_t port) const noexcept {
  Address changed = *this;
  auto* raw = reinterpret_cast<sockaddr*>(changed.raw_.data());
  if (family() == Family::kIpv4) reinterpret_cast<sockaddr_in*>(raw)->sin_port = htons(port);
  if (family() == Family::kIpv6) reinterpret_cast<sockaddr_in6*>(raw)->sin6_port = htons(port);
  return changed;
}

bool Address::is_loopback() const noexcept {
  switch (family()) {
    case Family::kIpv4:
      return ntohl(as<sockaddr_in>(raw())->sin_addr.s_addr) >> 24 == 127;
    case Family::kIpv6:
      return IN6_IS_ADDR_LOOPBACK(&as<sockaddr_in6>(raw())->sin6_addr) != 0;
    case Family::kUnix:
      return true;
    case Family::kNone:
      return false;
  }
  return false;
}

std::string Address::path() const {
  if (family() != Family::kUnix || size_ <= offsetof(sockaddr_un, sun_path)) return {};
  const char* path = as<sockaddr_un>(raw())->sun_path;
  return {path, ::strnlen(path, size_ - offsetof(sockaddr_un, sun_path))};
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  switch (family()) {
    case Family::kIpv4:
      ::inet_ntop(AF_INET, &as<sockaddr_in>(raw())->sin_addr, text, sizeof text);
      return std::string(text) + ":" + std::to_string(port());
    case Family::kIpv6:
      ::inet_ntop(AF_INET6, &as<sockaddr_in6>(raw())->sin6_addr, text, sizeof text);
      return "[" + std::string(text) + "]:" + std::to_string(port());
    case Family::kUnix:
      return "unix:" + path();
    case Family::kNone:
      return "unknown";
  }
  return "unknown";
}

bool Address::operator==(const Address& other) const noexcept {
  return size_ == other.size_ && std::memcmp(raw_.data(), other.raw_.data(), size_) == 0;
}

}  // namespace ouro
