// How a server ends: readiness first, then accepting, then what is under way; a second signal ends
// it at once.

#include <algorithm>
#include <array>
#include <string>

#include "base/log.h"
#include "base/units.h"
#include "host/master.h"
#include "os/clock.h"

namespace ouro::host {
namespace {

// Workers cut what is left this much before the limit, so that all have gone by then.
constexpr std::chrono::milliseconds kCutMarginMax{250};
// Who has not gone by then is stuck, however busy the machine.
constexpr std::chrono::milliseconds kKillAfterLimit{2000};
// The attendant has to go within this, once the workers have gone.
constexpr std::chrono::milliseconds kAttendantMax{1000};

}  // namespace

void Master::terminate() {
  const ServerState state = pages_.master().state.load();
  if (state == ServerState::kStarting) return finish(kExitDone);
  if (state == ServerState::kLeaving) return end_at_once();
  if (successor_) successor_failed("its predecessor was told to end");
  enter_state(ServerState::kLeaving);
  drain_ns_ = os::now_ns() + as_ns(options_.drain_delay);
  log::info("terminating", {{"drain_delay_ms", options_.drain_delay.count()},
                            {"drain_timeout_ms", options_.drain_timeout.count()}});
  look_at_leaving();
}

void Master::begin_drain(std::chrono::milliseconds limit) {
  draining_ = true;
  answer_all(MessageKind::kAskReload, std::array<std::string, 1>{"the server is leaving"});
  // First the state of all, so that nobody hands a connection to one who leaves.
  for (const Child& child : children_) {
    if (child.is_worker) child.page->state.store(ChildState::kLeaving);
  }
  // Then the sockets, before the workers close theirs: nobody is to wait where nobody looks.
  if (!succeeded_) listeners_.remove_files();
  listeners_.close();
  tell_to_drain(limit);
}

void Master::tell_to_drain(std::chrono::milliseconds limit) {
  deadline_ns_ = os::now_ns() + as_ns(limit + kKillAfterLimit);
  const auto margin = std::min(kCutMarginMax, limit / 10);
  const auto milliseconds = static_cast<std::uint64_t>((limit - margin).count());
  for (const Child& child : children_) {
    if (!child.is_worker || child.process == 0) continue;
    const Message drain{.kind = MessageKind::kDrain, .number = milliseconds};
    if (!child.ready || !send_control(child.control.get(), drain)) os::kill_process(child.process);
  }
}

// The attendant stays to the end, and answers that the server is not ready.
void Master::look_at_leaving() {
  const std::uint64_t now = os::now_ns();
  if (!draining_ && drain_ns_ && now >= *drain_ns_) begin_drain(options_.drain_timeout);
  if (!draining_) return;
  if (!any_worker_runs()) return let_attendant_leave();
  if (now < *deadline_ns_) return;
  for (const Child& child : children_) {
    if (!child.is_worker || child.process == 0) continue;
    log::warn("killed_at_limit", {{"worker", child.index}});
    os::kill_process(child.process);
  }
}

// It has to finish what the workers have left to it.
void Master::let_attendant_leave() {
  const auto attendant = std::ranges::find_if(
      children_, [](const Child& child) { return !child.is_worker && child.ready; });
  const bool stuck = attendant_ns_ && os::now_ns() >= *attendant_ns_;
  if (attendant == children_.end() || stuck)
    return finish(unclean_ || in_haste_ ? kExitFailed : kExitDone);
  if (attendant_ns_) return;
  attendant_ns_ = os::now_ns() + as_ns(kAttendantMax);
  tell(*attendant, {.kind = MessageKind::kDrain});
}

// The workers cut all they have: processes that are killed would end their connections as if all
// had been said.
void Master::end_at_once() {
  if (in_haste_) return finish(kExitFailed);
  in_haste_ = true;
  log::error("ended_at_once", {{"reason", "a second signal"}});
  constexpr std::chrono::milliseconds kNow{0};
  draining_ ? tell_to_drain(kNow) : begin_drain(kNow);
}

void Master::finish(int code) {
  if (!exit_code_) exit_code_ = code;
}

// Nothing is left behind: no process, no file.
void Master::clean_up() {
  for (Child& child : children_) {
    if (child.process == 0) continue;
    os::kill_process(child.process);
    os::reap(child.process);
  }
  if (successor_) successor_failed("its predecessor has ended");
  if (!succeeded_) {
    listeners_.remove_files();
    if (admin_address_ && !admin_address_->path().empty()) os::remove_file(admin_address_->path());
  }
  // A start that fails has said why in one line, and that is enough.
  if (!announced_) return;
  log::write(cut_ > 0 ? log::Level::kWarn : log::Level::kInfo, "stopped",
             {{"code", *exit_code_}, {"connections_cut", cut_}});
}

bool Master::any_worker_runs() const {
  return std::ranges::any_of(
      children_, [](const Child& child) { return child.is_worker && child.process != 0; });
}

}  // namespace ouro::host
