// How a server is watched: what the master does while it serves.

#include "host/master.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/time_text.h"
#include "base/units.h"
#include "host/claims.h"
#include "os/clock.h"

namespace ouro::host {
namespace {

// Of one child before the others have their turn: whoever may ask the attendant makes it ask us.
constexpr std::size_t kMessagesAtOnce = 64;
// More than a socket holds.
constexpr std::size_t kMessagesMax = 1 << 20;
// A child that has not become ready by then never will.
constexpr std::chrono::nanoseconds kStartMax = std::chrono::seconds{20};
constexpr std::chrono::milliseconds kAloneDelayMax{500};
constexpr std::uint64_t kWordOnPausesEveryNs = 10'000'000'000;
constexpr std::uint64_t kTickNs = as_ns(Heartbeat::kCheckEvery);

std::string_view kind_of(bool is_worker) { return is_worker ? "worker" : "attendant"; }

std::chrono::milliseconds milliseconds_since(std::uint64_t then_ns) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::nanoseconds(os::now_ns() - then_ns));
}

}  // namespace

int Master::run() {
  log::set_who("master");
  if (auto started = start_all(); !started) start_failed(started.error().what);
  while (!exit_code_) loop();
  clean_up();
  return *exit_code_;
}

void Master::loop() {
  std::vector<int> fds{signals_->fd()};
  for (const Child& child : children_) fds.push_back(child.control.get());
  fds.push_back(successor_ ? successor_->ready.get() : -1);
  const std::uint64_t now = os::now_ns();
  const std::uint64_t wait_ns = next_tick_ns_ > now ? next_tick_ns_ - now : 0;
  const auto readable =
      os::wait_readable(fds, std::chrono::milliseconds((wait_ns + 999'999) / 1'000'000));
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (readable[i + 1]) hear(children_[i], kMessagesAtOnce);
  }
  if (successor_ && readable.back()) hear_successor();
  if (readable[0]) {
    for (const os::Signal signal : signals_->read()) on_signal(signal);
  }
  if (os::now_ns() < next_tick_ns_) return;
  next_tick_ns_ = os::now_ns() + kTickNs;
  tick();
}

void Master::on_signal(os::Signal signal) {
  switch (signal) {
    case os::Signal::kTerminate:
      return terminate();
    case os::Signal::kReload:
      return reload_by_signal();
    case os::Signal::kReopen:
      return reopen_files();
    case os::Signal::kUpgrade:
      (void)upgrade();
      return;
    case os::Signal::kChildChanged:
      return reap();
  }
}

void Master::hear(Child& child, std::size_t most) {
  bool gone = false;
  for (std::size_t i = 0; i < most && child.control.valid(); ++i) {
    const auto message = receive_control(child.control.get(), gone);
    if (message) on_message(child, *message);
    // Its death will be told by a signal; until then the closed socket would keep us awake.
    if (gone) child.control.reset();
    if (!message) return;
  }
}

void Master::on_message(Child& child, const ReceivedMessage& message) {
  switch (message.kind) {
    case MessageKind::kMade:
      child.made = true;
      child.uring = message.number == 1;
      child.engine_reason = message.text;
      return engine_decided_ ? told_engine(child) : decide_engine();
    case MessageKind::kReady:
      if (draining_) return;
      child.ready = true;
      said_of_sandbox(message.text);
      flush(child);
      set_state(child, ChildState::kLive);
      log::debug("child_ready", {{"child", kind_of(child.is_worker)}, {"index", child.index}});
      if (!engine_decided_) decide_engine();
      announce_if_ready();
      return settle_adoptions();
    case MessageKind::kReloaded:
      child.reload = message.number;
      return settle_reloads();
    case MessageKind::kDrained:
      cut_ += message.number;
      return;
    case MessageKind::kFailed:
      if (pages_.master().state.load() == ServerState::kStarting) return start_failed(message.text);
      return log::error(
          "child_failed",
          {{"child", kind_of(child.is_worker)}, {"index", child.index}, {"reason", message.text}});
    case MessageKind::kAskStatus:
    case MessageKind::kAskReload:
    case MessageKind::kAskUpgrade:
    case MessageKind::kAskDrain:
      return child.is_worker ? void() : asked(message);
    default:
      return;  // not a child's to say
  }
}

void Master::reap() {
  for (Child& child : children_) {
    if (child.process == 0) continue;
    if (const auto ending = os::ending_of(child.process)) on_death(child, *ending);
  }
}

void Master::on_death(Child& child, os::Ending ending) {
  hear(child, kMessagesMax);  // its last words
  const auto lived = milliseconds_since(child.started_ns);
  // After a failed start, why it failed has been said.
  const bool expected = (draining_ && ending.clean()) || exit_code_;
  log::write(expected ? log::Level::kDebug : log::Level::kWarn, "child_ended",
             {{"child", kind_of(child.is_worker)},
              {"index", child.index},
              {"pid", child.process},
              {"code", ending.code},
              {"signal", ending.signal},
              {"lived_ms", lived.count()}});
  child.process = 0;
  child.control.reset();
  child.outbox.clear();
  child.made = child.ready = false;
  if (!child.is_worker) asks_.clear();
  child.page->process_id.store(0);
  set_state(child, ChildState::kDown);
  child.page->forget_worker();
  if (child.is_worker) options_.application->worker_died(child.index);
  child.pauses_told = 0;
  if (pages_.master().state.load() == ServerState::kStarting) {
    return start_failed(fmt::format("{} {} ended while starting (code {}, signal {})",
                                    kind_of(child.is_worker), child.index, ending.code,
                                    ending.signal));
  }
  if (draining_) {
    if (child.is_worker && !ending.clean()) unclean_ = true;
    return look_at_leaving();
  }
  settle_adoptions();
  replace(child, lived);
  settle_reloads();
}

void Master::replace(Child& child, std::chrono::milliseconds lived) {
  // With no worker left, nothing can be mixed: the next one may find another engine.
  if (!any_worker_runs() && options_.worker.engine == EngineChoice::kAuto) {
    engine_decided_ = false;
    engine_ = EngineChoice::kAuto;
  }
  auto delay = child.respawn.died_after(lived);
  // Held back for the sake of the machine, but not while nobody else serves.
  if (child.is_worker && !any_worker_runs()) delay = std::min(delay, kAloneDelayMax);
  if (child.respawn.crash_looping()) {
    log::error("crash_loop", {{"child", kind_of(child.is_worker)},
                              {"index", child.index},
                              {"next_try_ms", delay.count()}});
  }
  child.respawn_ns = os::now_ns() + as_ns(delay);
  respawn_if_due(child);
}

void Master::respawn_if_due(Child& child) {
  if (draining_ || !child.respawn_ns || os::now_ns() < *child.respawn_ns) return;
  child.page->respawns.add();
  if (const auto spawned = spawn(child); !spawned) {
    log::error("cannot_respawn", {{"child", kind_of(child.is_worker)},
                                  {"index", child.index},
                                  {"reason", spawned.error().what}});
    replace(child, std::chrono::milliseconds{0});
  }
}

void Master::tick() {
  for (Child& child : children_) {
    if (child.process != 0) look_after(child);
    flush(child);
    if (child.is_worker) tell_of_pauses(child);
    respawn_if_due(child);
  }
  if (exit_code_) return;
  if (successor_ && os::now_ns() >= successor_->until_ns) successor_failed("it took too long");
  settle_adoptions();
  wake_the_waiting();
  look_at_leaving();
}

void Master::look_after(Child& child) {
  if (!child.ready) {
    if (milliseconds_since(child.started_ns) > kStartMax) os::kill_process(child.process);
    return;
  }
  using Finding = Heartbeat::Finding;
  switch (child.heartbeat.check(os::now_ns(), child.page->counters.turns.get())) {
    case Finding::kFine:
      return;
    case Finding::kPing:
      send_control(child.control.get(), {.kind = MessageKind::kPing});
      return;
    case Finding::kHung:
      log::info("stands_still", {{"child", kind_of(child.is_worker)}, {"index", child.index}});
      return set_state(child, ChildState::kHung);
    case Finding::kRecovered:
      log::info("moves_again", {{"child", kind_of(child.is_worker)}, {"index", child.index}});
      return set_state(child, draining_ ? ChildState::kLeaving : ChildState::kLive);
    case Finding::kLost:
      log::error("killed_by_watchdog",
                 {{"child", kind_of(child.is_worker)}, {"index", child.index}});
      return os::kill_process(child.process);
  }
}

void Master::tell_of_pauses(Child& child) {
  const std::uint64_t pauses = child.page->counters.accept_pauses.get();
  const std::uint64_t now = os::now_ns();
  if (pauses == child.pauses_told || now < child.next_word_ns) return;
  log::warn("accepting_paused",
            {{"worker", child.index},
             {"times", pauses - child.pauses_told},
             {"connections_open", child.page->counters.connections_open.get()},
             {"reason", "open files, memory or --max-connections ran out; newcomers wait"}});
  child.pauses_told = pauses;
  child.next_word_ns = now + kWordOnPausesEveryNs;
}

void Master::set_state(Child& child, ChildState state) { child.page->state.store(state); }

void Master::enter_state(ServerState state) {
  pages_.master().state.store(state);
  state_unix_ms_ = unix_ms_now();
}

// Nobody adopts before the server is complete, or when all are leaving anyway.
void Master::settle_adoptions() {
  if (draining_ || pages_.master().state.load() == ServerState::kStarting) return;
  std::vector<Adoption::Look> workers;
  for (const WorkerPage& page : pages_.workers()) {
    workers.push_back({page.state.load(), page.load()});
  }
  for (const Adoption::Order& order : adoption_.settle(workers)) carry_out(order);
}

void Master::carry_out(const Adoption::Order& order) {
  const int control = children_[order.adopter].control.get();
  if (!order.adopt) {
    send_control(control, {.kind = MessageKind::kRelease, .number = order.of});
    return;
  }
  if (!send_adoption(control, order.of)) return adoption_.not_adopted(order.of);
  log::info("adoption", {{"of", order.of}, {"by", order.adopter}});
}

bool Master::send_adoption(int control, unsigned of) const {
  const int inbox = inboxes_.receiving_end(of);
  for (Message& message : in_messages(MessageKind::kAdopt, listeners_.own_sockets(of))) {
    message.number = of;
    message.fds.push_back(inbox);
    if (!send_control(control, message)) return false;
  }
  return true;
}

// The workers wake each other; this is for a word that got lost on the way, or with its sender.
void Master::wake_the_waiting() {
  if (options_.max_connections == 0) return;
  const auto total = total_claimed(pages_.workers());
  if (!total || *total >= options_.max_connections) return;
  for (const Child& child : children_) {
    if (child.is_worker && child.ready && child.page->waiting.load()) {
      send_control(child.control.get(), {.kind = MessageKind::kWake});
    }
  }
}

}  // namespace ouro::host
