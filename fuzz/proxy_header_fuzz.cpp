// PROXY headers as they come in, byte by byte; and what was understood, written and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "proxy/wire/proxy_header.h"

namespace {

using namespace ouro::proxy;

// Each answer must be one that later bytes do not take back.
ParsedProxyHeader parse_as_it_comes(std::string_view text) {
  std::size_t needed = 0;
  ParsedProxyHeader parsed;
  for (std::size_t size = 0; size <= text.size(); size = size < 300 ? size + 1 : size * 2) {
    parsed = parse_proxy_header(text.substr(0, size));
    if (parsed.state == Parse::kWrong) break;
    OURO_CHECK(parsed.state == Parse::kDone ? parsed.size <= size : parsed.size > size);
    if (parsed.state == Parse::kDone) OURO_CHECK(size >= needed);
    if (parsed.state == Parse::kDone) break;
    needed = parsed.size;
  }
  const ParsedProxyHeader whole = parse_proxy_header(text);
  if (parsed.state != Parse::kNeedMore) OURO_CHECK(whole.state == parsed.state);
  return whole;
}

void read_elements(std::string_view tlvs) {
  TlvReader reader(tlvs);
  while (const auto tlv = reader.next()) {
    const auto ssl = read_ssl_tlv(tlv->value);
    if (tlv->type == TlvType::kSsl) OURO_CHECK(ssl.has_value());
    if (ssl) (void)find_tlv(ssl->tlvs, TlvType::kSslVersion);
  }
  OURO_CHECK(reader.whole());
}

void write_and_read_again(const ProxyHeader& header) {
  using Family = ouro::Address::Family;
  ProxyHeaderBuffer buffer;
  const auto again = [](std::string_view text) {
    const auto parsed = parse_proxy_header(text);
    OURO_CHECK(parsed.state == Parse::kDone && parsed.size == text.size());
    return parsed.header;
  };
  const ProxyHeader one = again(write_proxy_header_v1(buffer, header.source, header.destination));
  const ProxyHeader two =
      again(write_proxy_header_v2(buffer, header.source, header.destination,
                                  {.authority = "a", .unique_id = "", .checksum = true}));
  const bool ip =
      header.source.family() == Family::kIpv4 || header.source.family() == Family::kIpv6;
  OURO_CHECK(one.local == !ip && two.local == !ip);
  if (!ip) return;
  OURO_CHECK(one.source == header.source && one.destination == header.destination);
  OURO_CHECK(two.source == header.source && two.destination == header.destination);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_as_it_comes({reinterpret_cast<const char*>(data), size});
  if (parsed.state != Parse::kDone) return 0;
  read_elements(parsed.header.tlvs);
  write_and_read_again(parsed.header);
  return 0;
}
