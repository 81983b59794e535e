// What the reading and the writing of PROXY headers share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ouro::proxy {

inline constexpr std::string_view kSignatureV1 = "PROXY ";
inline constexpr std::string_view kSignatureV2("\r\n\r\n\0\r\nQUIT\n", 12);

// Version 2: signature, version and command, family and protocol, length of what follows.
inline constexpr std::size_t kStartBytesV2 = 16;
inline constexpr std::uint8_t kCommandLocal = 0x20;
inline constexpr std::uint8_t kCommandProxy = 0x21;
inline constexpr std::uint8_t kUnspecified = 0x00;
inline constexpr std::uint8_t kIpv4Stream = 0x11;
inline constexpr std::uint8_t kIpv6Stream = 0x21;
inline constexpr std::uint8_t kUnixStream = 0x31;

}  // namespace ouro::proxy
