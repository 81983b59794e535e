// Addresses as the bytes that protocols and tables have of them. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ouro/address.h"

namespace ouro::proxy {

inline constexpr std::size_t kIpv4Bytes = 4;
inline constexpr std::size_t kIpv6Bytes = 16;
inline constexpr std::size_t kUnixPathBytes = 108;

using Ipv6Bytes = std::array<std::uint8_t, kIpv6Bytes>;

// IPv4 as ::ffff:192.0.2.7; nothing for Unix sockets and kNone.
[[nodiscard]] std::optional<Ipv6Bytes> ipv6_bytes(const Address& address) noexcept;
[[nodiscard]] bool is_mapped_ipv4(const Ipv6Bytes& bytes) noexcept;

// From exactly kIpv4Bytes or kIpv6Bytes, in the network's order.
[[nodiscard]] Address address_from_ip(std::string_view bytes, std::uint16_t port) noexcept;
// The path ends at the first zero byte. kNone for a socket without a path.
[[nodiscard]] Address address_from_path(std::string_view path) noexcept;

// Of a client, for the choice of its server: without the port, the same in all workers and after a
// restart, and the same for an IPv4 address whichever way it is written. All Unix clients are one.
[[nodiscard]] std::uint64_t client_hash(const Address& address) noexcept;

}  // namespace ouro::proxy
