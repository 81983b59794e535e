#include "host/child.h"

#include <array>

#include "base/log.h"

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

Result<void> give_up_rights(const std::optional<os::User>& user) {
  if (user) {
    if (auto became = os::become(*user); !became) return became;
  }
  os::forbid_new_privileges();
  // Longer than it takes to notice and drain: this is for who does not notice.
  os::end_after_parent(std::chrono::duration_cast<std::chrono::seconds>(2 * kOrphanDrain));
  return {};
}

}  // namespace ouro::host
