// Blocks of addresses: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ouro/address.h"

namespace ouro::proxy {

// A value. An IPv4 address written as IPv6 (::ffff:192.0.2.7) is the IPv4 address.
class Network {
 public:
  // An address alone is a block of one. Bits beyond the prefix must be zero: "10.0.0.1/8" is more
  // often a mistake than meant.
  [[nodiscard]] static Result<Network> parse(std::string_view text);

  // Never true of a Unix address. "0.0.0.0/0" is all of IPv4, "::/0" all of IPv6.
  [[nodiscard]] bool contains(const Address& address) const noexcept;
  [[nodiscard]] std::string to_string() const;  // what parse() takes
  [[nodiscard]] bool operator==(const Network&) const noexcept = default;

 private:
  [[nodiscard]] Network masked() const noexcept;

  std::array<std::uint8_t, 16> bytes_{};  // IPv4 in the first four
  std::uint8_t prefix_ = 0;
  bool ipv6_ = false;
};

[[nodiscard]] bool any_contains(const std::vector<Network>& networks,
                                const Address& address) noexcept;

}  // namespace ouro::proxy
