// Where the load goes, and what is spoken there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ouro/address.h"
#include "ouro/error.h"

namespace ouro::load {

enum class Protocol : std::uint8_t { kEcho, kHttp };

struct Target {
  Protocol protocol = Protocol::kEcho;
  std::string text;  // as it was given
  Address address;
  std::string host;  // HTTP: what the Host header says
  std::string path;  // HTTP: what is asked for
};

// "127.0.0.1:7007", "[::1]:7007", "localhost:7007", "unix:/run/echo.sock" are echo servers;
// "http://host:port/path" is an HTTP/1.1 server. A host's name is resolved, which may take the
// resolver's time; of several addresses the first is taken.
[[nodiscard]] Result<Target> parse_target(std::string_view text);

}  // namespace ouro::load
