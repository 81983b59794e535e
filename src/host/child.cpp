#include "host/child.h"

#include <fmt/format.h>

#include <array>

#include "base/log.h"
#include "os/sandbox.h"

namespace ouro::host {

int ControlLine::fail(std::string_view why) const {
  say({.kind = MessageKind::kFailed, .text = std::string{why}});
  return kExitFailed;
}

std::optional<ReceivedMessage> ControlLine::wait() const {
  bool gone = false;
  while (!gone) {
    if (auto message = receive_control(fd(), gone)) return message;
    if (gone) break;
    const std::array<int, 1> fds{fd()};
    (void)os::wait_readable(fds, std::chrono::hours{1});
  }
  return std::nullopt;
}

void settle_in(std::string_view who, std::string_view process_name) {
  os::ignore_signals();
  os::set_process_name(process_name);
  log::set_who(who);
}

Result<std::string> give_up_rights(const ChildStart& start, bool uring) {
  std::string missing;
  const auto note = [&missing](std::string_view what, std::string_view why) {
    missing += fmt::format("{}{} ({})", missing.empty() ? "" : ", ", what, why);
  };
  os::forget_capabilities();
  if (start.user) {
    const auto became = os::become(*start.user);
    // Who named the user means it; otherwise a container may have left root without that right.
    if (!became && !start.options->user.empty()) return std::unexpected(became.error());
    if (!became) note("unprivileged_user", became.error().what);
  }
  // Longer than it takes to notice and drain: this is for who does not notice.
  os::end_after_parent(std::chrono::duration_cast<std::chrono::seconds>(2 * kOrphanDrain));
  if (!start.options->sandbox) {
    os::forbid_new_privileges();
    return missing;
  }
  const os::SandboxProfile profile{
      .uring = uring, .connects = start.options->connects, .splices = start.options->splices};
  for (const os::SandboxLayer& layer : os::enter_sandbox(profile)) {
    if (!layer.in_force) note(layer.name, layer.why);
  }
  return missing;
}

}  // namespace ouro::host
