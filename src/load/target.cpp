#include "load/target.h"

#include <algorithm>
#include <charconv>

#include "os/resolve.h"

namespace ouro::load {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::uint16_t kHttpPort = 80;

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};

// "name", "name:80", "[::1]", "[::1]:80"; a `port` of 0 must be given in the text.
Result<HostAndPort> split(std::string_view text, std::uint16_t port) {
  const std::string quoted = "'" + std::string(text) + "'";
  std::string_view host = text;
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == text.npos) return fail(Errc::kInvalid, quoted + " has no closing bracket");
  const std::size_t colon = text.find(':', bracket);
  if (colon != text.npos) {
    host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      return fail(Errc::kInvalid, quoted + " has no port between 1 and 65535 after the colon");
    }
  }
  if (port == 0) return fail(Errc::kInvalid, quoted + " has no port; try 127.0.0.1:7007");
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return fail(Errc::kInvalid, quoted + " names no host");
  return HostAndPort{std::string(host), port};
}

Result<Address> find(std::string_view text, std::uint16_t default_port) {
  const auto parts = split(text, default_port);
  if (!parts) return std::unexpected(parts.error());
  return os::resolve(parts->host, parts->port);
}

// What would break the request's lines has no place in it.
bool fits_into_a_request(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
  }
  return true;
}

Result<Target> parse_http(std::string_view text) {
  const std::string_view rest = text.substr(kHttp.size());
  const std::size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  if (!fits_into_a_request(rest)) {
    return fail(Errc::kInvalid, "'" + std::string(text) + "' has a space or control character");
  }
  const auto address = find(rest.substr(0, slash), kHttpPort);
  if (!address) return std::unexpected(address.error());
  std::string path(rest.substr(slash, rest.find('#') - slash));
  if (!path.starts_with('/')) path.insert(0, "/");
  return Target{Protocol::kHttp, std::string(text), *address, std::string(rest.substr(0, slash)),
                path};
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  if (text.starts_with(kHttp)) return parse_http(text);
  const std::size_t scheme = text.find("://");
  if (scheme != text.npos) {
    return fail(Errc::kInvalid, "'" + std::string(text.substr(0, scheme)) +
                                    "' is not spoken here; try http:// or ADDR:PORT");
  }
  const auto address = text.starts_with("unix:") ? Address::parse(text) : find(text, 0);
  if (!address) return std::unexpected(address.error());
  return Target{Protocol::kEcho, std::string(text), *address, "", ""};
}

}  // namespace ouro::load
