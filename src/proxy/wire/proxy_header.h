// The PROXY protocol, versions 1 and 2, both ways: what stands before a connection's own bytes and
// says where it comes from. https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
//
// Pure. Strict: what the specification does not allow is wrong, and so are datagrams. Whether the
// sender may be believed, and how long it may take, is the caller's to decide.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ouro/address.h"
#include "proxy/wire/proxy_tlv.h"

namespace ouro::proxy {

enum class Parse : std::uint8_t { kNeedMore, kDone, kWrong };

struct ProxyHeader {
  // It names no client (LOCAL, UNKNOWN, UNSPEC): the connection's own addresses count.
  bool local = false;
  Address source;  // kNone for a Unix socket without a path, too
  Address destination;
  std::string_view tlvs;  // checked; points into what was parsed
};

struct ParsedProxyHeader {
  Parse state = Parse::kWrong;
  // kDone: of the header; the connection's own bytes follow. kNeedMore: the header cannot end
  // before so many bytes have come, always more than there are.
  std::size_t size = 0;
  ProxyHeader header;
};

// `received`: all bytes so far. Wrong is said as soon as the bytes show it, except for addresses in
// version 1 and elements in version 2, which are looked at when the header is complete. Until then
// an answer costs at most one look at the 107 bytes of version 1, or at the first 16 of version 2:
// asking at every byte is linear in all.
[[nodiscard]] ParsedProxyHeader parse_proxy_header(std::string_view received) noexcept;

// Enough for the longest header that is written.
using ProxyHeaderBuffer = std::array<char, 512>;

// What may be added to version 2. Empty, or false: nothing.
struct ProxyHeaderExtras {
  std::string_view authority;  // at most 255 bytes
  std::string_view unique_id;  // at most kUniqueIdBytesMax bytes
  bool checksum = false;
};

// A header, in `buffer`. If one address is IPv4 and one IPv6, both are written as IPv6, as HAProxy
// does. If one is neither, the header says UNKNOWN, or LOCAL.
[[nodiscard]] std::string_view write_proxy_header_v1(ProxyHeaderBuffer& buffer,
                                                     const Address& source,
                                                     const Address& destination) noexcept;
[[nodiscard]] std::string_view write_proxy_header_v2(ProxyHeaderBuffer& buffer,
                                                     const Address& source,
                                                     const Address& destination,
                                                     const ProxyHeaderExtras& extras) noexcept;

}  // namespace ouro::proxy
