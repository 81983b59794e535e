#include "proxy/session_end.h"

namespace ouro::proxy {

bool is_local(Errc reason) noexcept {
  return reason == Errc::kNoDescriptors || reason == Errc::kNoMemory ||
         reason == Errc::kBadAddress || reason == Errc::kPermission;
}

void SessionEnd::move_to(Phase next, std::uint64_t now_ns) noexcept {
  spent_ns[static_cast<std::size_t>(phase)] += now_ns - phase_since_ns;
  phase = next;
  phase_since_ns = now_ns;
}

void SessionEnd::over(std::uint64_t now_ns) noexcept {
  move_to(phase, now_ns);
  ended_ns = now_ns;
  // The proxy itself has closed a quiet connection.
  if (!known && first_end == Side::kProxy) cause = Cause::kDrained;
}

void SessionEnd::set_cause(Cause what) noexcept {
  if (known) return;
  known = true;
  cause = what;
}

Side SessionEnd::by() const noexcept {
  switch (cause) {
    case Cause::kDone:
      return first_end;
    case Cause::kClient:
      return Side::kClient;
    case Cause::kServer:
      return Side::kServer;
    case Cause::kConnectFailed:
      return is_local(reason) ? Side::kProxy : Side::kServer;
    default:
      return Side::kProxy;
  }
}

const char* to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::kHeader:
      return "header";
    case Phase::kQueue:
      return "queue";
    case Phase::kConnect:
      return "connect";
    case Phase::kData:
      return "data";
    case Phase::kEnd:
      return "end";
  }
  return "";
}

const char* to_string(Side side) noexcept {
  switch (side) {
    case Side::kProxy:
      return "proxy";
    case Side::kClient:
      return "client";
    case Side::kServer:
      return "server";
  }
  return "";
}

const char* to_string(Cause cause) noexcept {
  switch (cause) {
    case Cause::kDone:
      return "done";
    case Cause::kClient:
      return "client_aborted";
    case Cause::kServer:
      return "server_aborted";
    case Cause::kDenied:
      return "denied";
    case Cause::kUntrusted:
      return "untrusted";
    case Cause::kListenerGone:
      return "listener_gone";
    case Cause::kListenerFull:
      return "listener_full";
    case Cause::kTooMany:
      return "too_many_of_client";
    case Cause::kTooFast:
      return "too_fast_of_client";
    case Cause::kBadHeader:
      return "bad_proxy_header";
    case Cause::kBadHello:
      return "bad_client_hello";
    case Cause::kNoRoute:
      return "no_route";
    case Cause::kPreludeTimeout:
      return "header_timeout";
    case Cause::kNoServer:
      return "no_server_up";
    case Cause::kConnectFailed:
      return "connect_failed";
    case Cause::kQueueFull:
      return "queue_full";
    case Cause::kQueueTimeout:
      return "queue_timeout";
    case Cause::kIdle:
      return "idle_timeout";
    case Cause::kTotalTimeout:
      return "total_timeout";
    case Cause::kServerDown:
      return "server_down";
    case Cause::kDrained:
      return "drained";
  }
  return "";
}

}  // namespace ouro::proxy
