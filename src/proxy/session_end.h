// How a session went and why it ended: what the access log says of it.
#pragma once

#include <cstdint>

#include "ouro/error.h"

namespace ouro::proxy {

// Who or what ended a session.
enum class Cause : std::uint8_t {
  kDone,            // both sides have ended, cleanly
  kClient,          // the client has cut it, or could not be reached any more
  kServer,          // the server has
  kDenied,          // not on the lists of who may come
  kListenerFull,    // max_connections of the listener
  kTooMany,         // connections of one client address
  kTooFast,         // new ones of one client address
  kBadHeader,       // no PROXY header, or a wrong one
  kBadHello,        // no ClientHello, or a wrong one
  kNoRoute,         // no upstream for that name
  kPreludeTimeout,  // neither came in time
  kNoServer,        // all servers are down
  kConnectFailed,   // and so did retries, or there were none left
  kQueueFull,       // no place at a server, nor in the queue
  kQueueTimeout,    // no place at a server in time
  kIdle,            // nobody said anything for too long
  kTotalTimeout,    // it lasted too long
  kServerDown,      // on_down = "close"
  kDrained,         // the proxy leaves
};

[[nodiscard]] const char* to_string(Cause cause) noexcept;

struct SessionEnd {
  std::uint32_t listener = 0;  // its number
  std::uint64_t begun_ns = 0;
  std::uint64_t connected_ns = 0;  // 0: never
  std::uint64_t to_server_bytes = 0;
  std::uint64_t to_client_bytes = 0;
  std::uint32_t retries = 0;
  Cause cause = Cause::kDone;
  bool known = false;  // the first cause is the cause
  Errc reason = Errc::kNone;
};

}  // namespace ouro::proxy
