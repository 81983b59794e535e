#include "proxy/wire/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "proxy/wire/address_bytes.h"
#include "proxy/wire/byte_order.h"
#include "proxy/wire/proxy_header_words.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kLineBytesMin = 15;   // "PROXY UNKNOWN\r\n"
constexpr std::size_t kLineBytesMax = 107;  // the specification's
constexpr std::string_view kUnknown = "UNKNOWN";

// What follows "PROXY " and what the rest of the line is made of.
struct Kind {
  std::string_view name;
  std::string_view symbols;
  int family;
};
constexpr Kind kKinds[] = {
    {"TCP4 ", "0123456789. ", AF_INET},
    {"TCP6 ", "0123456789abcdefABCDEF:. ", AF_INET6},
};

ParsedProxyHeader wrong() noexcept { return {}; }

ParsedProxyHeader need_more(std::size_t bytes) noexcept {
  ParsedProxyHeader parsed;
  parsed.state = Parse::kNeedMore;
  parsed.size = bytes;
  return parsed;
}

ParsedProxyHeader done(std::size_t size, const ProxyHeader& header) noexcept {
  ParsedProxyHeader parsed;
  parsed.state = Parse::kDone;
  parsed.size = size;
  parsed.header = header;
  return parsed;
}

ProxyHeader local_header() noexcept {
  ProxyHeader header;
  header.local = true;
  return header;
}

// Both are the same as far as they go.
bool begins_like(std::string_view received, std::string_view word) noexcept {
  const std::size_t common = std::min(received.size(), word.size());
  return received.substr(0, common) == word.substr(0, common);
}

// `text` may be the beginning of what stands between "PROXY " and the end of the line.
bool good_so_far(std::string_view text) noexcept {
  if (begins_like(text, kUnknown)) return text.size() <= kUnknown.size() || text[7] == ' ';
  return std::ranges::any_of(kKinds, [text](const Kind& kind) {
    if (!begins_like(text, kind.name)) return false;
    const std::string_view rest = text.substr(std::min(text.size(), kind.name.size()));
    return rest.find_first_not_of(kind.symbols) == std::string_view::npos;
  });
}

// Takes what stands before the next space, or all.
std::string_view take_field(std::string_view& text) noexcept {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool canonical = text == "0" || !text.starts_with('0');
  if (error != std::errc{} || end != text.data() + text.size() || !canonical) return std::nullopt;
  return port;
}

std::optional<Address> read_address(std::string_view ip, std::string_view port_text,
                                    int family) noexcept {
  std::array<char, INET6_ADDRSTRLEN> text{};
  std::array<char, kIpv6Bytes> bytes{};
  const auto port = read_port(port_text);
  if (!port || ip.size() >= text.size()) return std::nullopt;
  std::ranges::copy(ip, text.begin());
  if (inet_pton(family, text.data(), bytes.data()) != 1) return std::nullopt;
  const std::size_t size = family == AF_INET ? kIpv4Bytes : kIpv6Bytes;
  return address_from_ip({bytes.data(), size}, *port);
}

// "192.0.2.1 192.0.2.2 50000 443": one space between, none elsewhere.
std::optional<ProxyHeader> read_addresses(std::string_view text, int family) noexcept {
  const std::string_view source_ip = take_field(text);
  const std::string_view destination_ip = take_field(text);
  const auto source = read_address(source_ip, take_field(text), family);
  const auto destination = read_address(destination_ip, text, family);
  if (!source || !destination) return std::nullopt;
  ProxyHeader header;
  header.source = *source;
  header.destination = *destination;
  return header;
}

// `text`: a whole line, without its end and what it begins with.
std::optional<ProxyHeader> read_line(std::string_view text) noexcept {
  if (text.starts_with(kUnknown)) return local_header();
  for (const Kind& kind : kKinds) {
    if (text.starts_with(kind.name)) {
      return read_addresses(text.substr(kind.name.size()), kind.family);
    }
  }
  return std::nullopt;
}

ParsedProxyHeader parse_v1(std::string_view received) noexcept {
  const std::string_view head = received.substr(0, kLineBytesMax);
  const std::size_t start = std::min(kSignatureV1.size(), head.size());
  const std::size_t end = head.find('\r');
  if (!good_so_far(head.substr(start, end - start))) return wrong();
  const std::size_t line_bytes = std::min(end, head.size()) + 2;
  if (line_bytes > kLineBytesMax) return wrong();
  if (line_bytes > head.size()) return need_more(std::max(line_bytes, kLineBytesMin));
  if (head[end + 1] != '\n') return wrong();
  const auto header = read_line(head.substr(start, end - start));
  return header ? done(line_bytes, *header) : wrong();
}

std::size_t address_bytes(std::uint8_t family) noexcept {
  switch (family) {
    case kIpv4Stream:
      return 2 * (kIpv4Bytes + 2);
    case kIpv6Stream:
      return 2 * (kIpv6Bytes + 2);
    case kUnixStream:
      return 2 * kUnixPathBytes;
    default:
      return 0;
  }
}

bool good_family(std::uint8_t family) noexcept {
  return family == kUnspecified || address_bytes(family) != 0;
}

ProxyHeader read_ips(std::string_view block, std::size_t ip_bytes) noexcept {
  const std::string_view ports = block.substr(2 * ip_bytes);
  ProxyHeader header;
  header.source = address_from_ip(block.substr(0, ip_bytes), read_u16(ports, 0));
  header.destination = address_from_ip(block.substr(ip_bytes, ip_bytes), read_u16(ports, 2));
  return header;
}

// `block`: what follows the start, long enough for the family.
ProxyHeader read_block(std::string_view block, std::uint8_t family) noexcept {
  ProxyHeader header;
  if (family == kIpv4Stream) header = read_ips(block, kIpv4Bytes);
  if (family == kIpv6Stream) header = read_ips(block, kIpv6Bytes);
  if (family == kUnixStream) {
    header.source = address_from_path(block.substr(0, kUnixPathBytes));
    header.destination = address_from_path(block.substr(kUnixPathBytes, kUnixPathBytes));
  }
  header.local = family == kUnspecified;
  header.tlvs = block.substr(address_bytes(family));
  return header;
}

ParsedProxyHeader parse_v2(std::string_view received) noexcept {
  const std::size_t at = kSignatureV2.size();
  if (received.size() <= at) return need_more(kStartBytesV2);
  const std::uint8_t command = read_u8(received, at);
  if (command != kCommandLocal && command != kCommandProxy) return wrong();
  if (received.size() == at + 1) return need_more(kStartBytesV2);
  const std::uint8_t family = read_u8(received, at + 1);
  if (command == kCommandProxy && !good_family(family)) return wrong();
  if (received.size() < kStartBytesV2) return need_more(kStartBytesV2);
  const std::size_t size = kStartBytesV2 + read_u16(received, at + 2);
  const std::size_t tlvs_at = kStartBytesV2 + address_bytes(family);
  if (command == kCommandProxy && size < tlvs_at) return wrong();
  if (received.size() < size) return need_more(size);
  // What else a LOCAL header holds has to be ignored, its family too.
  if (command == kCommandLocal) return done(size, local_header());
  const std::string_view header = received.substr(0, size);
  if (!good_tlvs(header, tlvs_at)) return wrong();
  return done(size, read_block(header.substr(kStartBytesV2), family));
}

}  // namespace

ParsedProxyHeader parse_proxy_header(std::string_view received) noexcept {
  if (begins_like(received, kSignatureV1)) return parse_v1(received);
  if (begins_like(received, kSignatureV2)) return parse_v2(received);
  return wrong();
}

}  // namespace ouro::proxy
