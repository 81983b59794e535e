// Where a server of an upstream is, as a config says it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ouro/address.h"

namespace ouro::proxy {

// A value. "10.0.0.1:80", "[::1]:80" and "unix:/run/web.sock" are addresses, "db.example:5432" is a
// name to be looked up, "srv:_pg._tcp.example" a service whose servers the DNS lists.
struct ServerAddress {
  enum class Kind : std::uint8_t { kAddress, kName, kService };

  Kind kind = Kind::kAddress;
  Address address;         // kAddress
  std::string host;        // else; in small letters
  std::uint16_t port = 0;  // kName

  [[nodiscard]] static Result<ServerAddress> parse(std::string_view text);
  // What parse() takes; the same for two texts that mean the same.
  [[nodiscard]] std::string to_string() const;
};

[[nodiscard]] std::string in_small_letters(std::string_view text);

// Letters, digits, dashes and underscores between dots, as the DNS can have them. "10.0.0.1" is
// none.
[[nodiscard]] bool is_host_name(std::string_view name);

}  // namespace ouro::proxy
