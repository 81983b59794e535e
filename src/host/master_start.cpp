// How a server starts: sockets first, then processes, then one engine for all, then the ready line.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "base/time_text.h"
#include "host/master.h"
#include "os/clock.h"
#include "os/pipe.h"
#include "os/socket.h"

namespace ouro::host {

Master::Master(const HostOptions& options, Plan plan)
    : options_(options),
      plan_(std::move(plan)),
      adoption_(plan_.workers),
      engine_(options.worker.engine) {}

Result<void> Master::prepare() {
  if (auto prepared = options_.application->prepare(plan_.workers); !prepared) return prepared;
  auto signals = os::SignalReader::create();
  if (!signals) return std::unexpected(signals.error());
  signals_ = std::move(*signals);
  inherit();
  const auto change = listeners_.change_to(options_.application->places(), plan_.workers);
  if (!change) return std::unexpected(change.error());
  (void)options_.application->commit(change->all);
  auto files = options_.application->open_files();
  if (!files) return std::unexpected(files.error());
  files_ = std::move(*files);
  if (options_.admin) {
    if (!admin_.valid()) {
      auto admin = os::listen_socket(*options_.admin, {.unix_mode = 0600});
      if (!admin) return std::unexpected(admin.error());
      admin_ = std::move(*admin);
    }
    const bool is_unix = options_.admin->is_unix();
    admin_address_ = is_unix ? *options_.admin : os::local_address(admin_.get());
  }
  auto pages = SharedPages::create(plan_.workers);
  if (!pages) return std::unexpected(pages.error());
  pages_ = std::move(*pages);
  started_unix_ms_ = unix_ms_now();
  enter_state(ServerState::kStarting);
  auto inboxes = Inboxes::create(plan_.workers);
  if (!inboxes) return std::unexpected(inboxes.error());
  inboxes_ = std::move(*inboxes);
  return {};
}

void Master::make_children() {
  for (unsigned i = 0; i < plan_.workers; ++i) {
    Child& child = children_.emplace_back(options_.watchdog);
    child.index = i;
    child.page = &pages_.workers()[i];
  }
  if (!admin_.valid() && !options_.application->needs_attendant()) return;
  Child& attendant = children_.emplace_back(options_.watchdog);
  attendant.is_worker = false;
  attendant.page = &pages_.attendant();
}

Result<void> Master::start_all() {
  if (auto prepared = prepare(); !prepared) return prepared;
  make_children();
  for (Child& child : children_) {
    if (auto spawned = spawn(child); !spawned) return spawned;
  }
  return {};
}

Result<void> Master::spawn(Child& child) {
  child.respawn_ns.reset();
  auto pair = os::make_socket_pair();
  if (!pair) return std::unexpected(pair.error());
  const auto process = os::fork_process();
  if (!process) return std::unexpected(process.error());
  if (*process == 0) {
    pair->first.reset();  // or the child would never see it closed by the master's death
    live_as(child, std::move(pair->second));
  }
  child.process = *process;
  child.control = std::move(pair->first);
  child.made = child.ready = false;
  child.reload = reloads_;  // it has a copy of what is in force
  child.heartbeat = Heartbeat(options_.watchdog);
  child.started_ns = os::now_ns();
  child.page->process_id.store(static_cast<std::uint32_t>(*process));
  set_state(child, ChildState::kStarting);
  return {};
}

// In the child, which has a copy of everything: it keeps what is its own and closes the rest.
void Master::live_as(const Child& child, os::Fd control) {
  if (child.is_worker) {
    WorkerStart start = take_for_worker(child.index, std::move(control));
    close_all();
    os::exit_now(run_worker(std::move(start)));
  }
  AttendantStart start = take_for_attendant(std::move(control));
  close_all();
  os::exit_now(run_attendant(std::move(start)));
}

WorkerStart Master::take_for_worker(unsigned index, os::Fd control) {
  WorkerStart start;
  start.common = {&options_, &pages_, std::move(control), plan_.user, engine_};
  start.index = index;
  if (!plan_.cpus.empty()) start.cpu = plan_.cpus[index];
  start.connections_max = plan_.worker_connections_max;
  start.listeners = listeners_.take(index);
  start.inboxes = std::move(inboxes_);
  start.inboxes.keep_only(index);
  return start;
}

AttendantStart Master::take_for_attendant(os::Fd control) {
  AttendantStart start;
  start.common = {&options_, &pages_, std::move(control), plan_.user, engine_};
  start.listener = std::move(admin_);
  start.files = std::move(files_);
  start.info = {options_.name, options_.version, options_.max_connections};
  return start;
}

void Master::close_all() {
  signals_.reset();
  listeners_.close();
  admin_.reset();
  predecessor_.reset();
  successor_.reset();
  files_.clear();
  inboxes_ = {};
  for (Child& child : children_) child.control.reset();
}

// The one line on stderr that says why there is no server.
void Master::start_failed(std::string_view why) {
  if (exit_code_) return;
  fmt::print(stderr, "ouro: {}\n", why);
  finish(kExitFailed);
}

// Workers never mix engines: where one of them could not have io_uring, none uses it. None accepts
// before the attendant is there: a successor that will not become ready is to serve nobody.
void Master::decide_engine() {
  bool all_uring = true;
  const std::string* reason = nullptr;
  for (const Child& child : children_) {
    if (!child.is_worker && !child.ready) return;
    if (!child.is_worker || child.process == 0) continue;
    if (!child.made) return;
    all_uring = all_uring && child.uring;
    if (!child.uring) reason = &child.engine_reason;
  }
  engine_decided_ = true;
  engine_ = all_uring ? EngineChoice::kUring : EngineChoice::kEpoll;
  pages_.master().engine_is_uring.store(all_uring);
  if (!all_uring && options_.worker.engine == EngineChoice::kAuto) {
    log::warn("engine_fallback", {{"engine", "epoll"}, {"reason", *reason}});
  }
  for (Child& child : children_) {
    if (child.made && !child.ready) told_engine(child);
  }
}

void Master::told_engine(Child& child) {
  const bool uring = engine_ == EngineChoice::kUring;
  send_control(child.control.get(), {.kind = MessageKind::kStart, .number = uring ? 1u : 0u});
}

// All children live on the same kernel: the first one speaks for all.
void Master::said_of_sandbox(const std::string& missing) {
  if (sandbox_told_) return;
  sandbox_told_ = true;
  if (!options_.sandbox) return log::warn("sandbox_off", {{"reason", "asked for"}});
  if (!missing.empty()) log::warn("sandbox_incomplete", {{"missing", missing}});
}

void Master::announce_if_ready() {
  const ServerState state = pages_.master().state.load();
  const bool all_ready =
      std::ranges::all_of(children_, [](const Child& child) { return child.ready; });
  if (state != ServerState::kStarting || !all_ready) return;
  announced_ = true;
  enter_state(ServerState::kReady);
  std::string places;
  for (const Address& address : listeners_.addresses()) {
    places += (places.empty() ? "" : ", ") + address.to_string();
  }
  const char* engine = engine_ == EngineChoice::kUring ? "io_uring" : "epoll";
  const std::string admin =
      admin_address_ ? fmt::format(", admin on {}", admin_address_->to_string()) : "";
  fmt::print("ouro {} ready on {} ({}, {} worker{}){}\n", options_.name, places, engine,
             plan_.workers, plan_.workers == 1 ? "" : "s", admin);
  (void)std::fflush(stdout);
  if (predecessor_.valid()) {
    os::write_byte(predecessor_.get());
    predecessor_.reset();
  }
  log::info("ready", {{"pid", os::own_process_id()},
                      {"workers", plan_.workers},
                      {"engine", engine},
                      {"pinned", plan_.cpus.empty() ? "no" : "yes"}});
}

}  // namespace ouro::host
