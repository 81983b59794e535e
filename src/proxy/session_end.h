// How a session went and why it ended: what the access log says of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ouro/error.h"

namespace ouro::proxy {

// Who or what ended a session.
enum class Cause : std::uint8_t {
  kDone,            // both sides have ended, cleanly
  kClient,          // the client has cut it, or could not be reached any more
  kServer,          // the server has
  kDenied,          // not on the lists of who may come
  kUntrusted,       // not on the list of who may send a PROXY header
  kListenerGone,    // a reload took the listener away while it was on its way
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
inline constexpr std::size_t kCauses = 21;

// What a session is about at a time.
enum class Phase : std::uint8_t {
  kHeader,   // before a server is looked for: the client has to say something first
  kQueue,    // looking for a server that has room
  kConnect,  // to a server
  kData,     // both ways
  kEnd,      // one side has ended
};
inline constexpr std::size_t kPhases = 5;

enum class Side : std::uint8_t { kProxy, kClient, kServer };

// Stable words, for machines; none for what is no value.
[[nodiscard]] const char* to_string(Cause cause) noexcept;
[[nodiscard]] const char* to_string(Phase phase) noexcept;
[[nodiscard]] const char* to_string(Side side) noexcept;

struct SessionEnd {
  std::uint32_t listener = 0;  // its number
  std::uint32_t retries = 0;
  std::uint64_t begun_ns = 0;
  std::uint64_t ended_ns = 0;
  std::uint64_t to_server_bytes = 0;
  std::uint64_t to_client_bytes = 0;
  std::array<std::uint64_t, kPhases> spent_ns{};  // in each phase
  std::uint64_t phase_since_ns = 0;
  Phase phase = Phase::kHeader;
  Cause cause = Cause::kDone;
  bool known = false;             // the first cause is the cause
  Side first_end = Side::kProxy;  // who ended first, cleanly
  Errc reason = Errc::kNone;

  void begin(std::uint64_t now_ns) noexcept { begun_ns = phase_since_ns = now_ns; }
  void move_to(Phase next, std::uint64_t now_ns) noexcept;
  void over(std::uint64_t now_ns) noexcept;
  void set_cause(Cause what) noexcept;
  // Whose doing it was.
  [[nodiscard]] Side by() const noexcept;
};

// It is nobody's fault but this machine's.
[[nodiscard]] bool is_local(Errc reason) noexcept;

}  // namespace ouro::proxy
