#include "host/worker_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/log.h"
#include "base/units.h"
#include "os/cpu.h"
#include "os/memory_reserve.h"
#include "os/shared_memory.h"
#include "os/socket.h"

namespace ouro::host {
namespace {

// How often a worker that is empty looks whether the others still hand over connections.
constexpr std::chrono::milliseconds kLastLook{20};

// For what is under way when memory runs out: records of connections, messages to others.
constexpr std::size_t kMemoryAside = std::size_t{1} << 20;

// As control messages have them: "3 17 18 ".
std::vector<ListenerId> numbers_in(std::string_view text) {
  std::vector<ListenerId> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  ListenerId number = 0;
  for (auto read = std::from_chars(at, end, number); read.ec == std::errc{};
       read = std::from_chars(at, end, number)) {
    numbers.push_back(number);
    at = std::min(read.ptr + 1, end);
  }
  return numbers;
}

bool is_uring(const Worker& worker) { return std::string_view{worker.engine_name()} == "uring"; }

}  // namespace

int run_worker(WorkerStart start) {
  settle_in(fmt::format("worker={}", start.index), fmt::format("ouro-worker-{}", start.index));
  if (start.cpu && !os::pin_to_cpu(*start.cpu)) {
    log::warn("not_pinned", {{"cpu", *start.cpu}});
  }
  return WorkerProcess(std::move(start)).run();
}

WorkerProcess::WorkerProcess(WorkerStart start)
    : start_(std::move(start)), control_(std::move(start_.common.control)) {}

int WorkerProcess::run() {
  os::set_memory_aside(kMemoryAside);
  if (auto made = make_engine(start_.common.engine); !made) {
    return control_.fail(made.error().what);
  }
  const auto agreed = agree_on_engine();
  if (!agreed) return control_.fail(agreed.error().what);
  if (!*agreed) return kExitFailed;
  const auto missing = give_up_rights(start_.common, is_uring(*worker_));
  if (!missing) return control_.fail(missing.error().what);
  serve();
  control_.say({.kind = MessageKind::kReady, .text = *missing});
  worker_->run();
  end_connections();
  return kExitDone;
}

// What is left at the limit is cut, so that the service has none when it goes.
void WorkerProcess::end_connections() {
  constexpr int kTurnsMax = 1000;
  worker_->drain(std::chrono::milliseconds{0}, [](std::size_t) {});
  for (int i = 0; i < kTurnsMax && worker_->connection_count() > 0; ++i) {
    worker_->turn(std::chrono::milliseconds{1});
  }
  if (worker_->connection_count() > 0) os::exit_now(kExitDone);
}

Result<void> WorkerProcess::make_engine(EngineChoice engine) {
  WorkerOptions options = start_.common.options->worker;
  options.engine = engine;
  options.connections_max = start_.connections_max;
  options.counters = &start_.common.pages->workers()[start_.index].counters;
  worker_ = nullptr;
  auto worker = Worker::create(options);
  if (!worker) return std::unexpected(worker.error());
  worker_ = std::move(*worker);
  return {};
}

Result<bool> WorkerProcess::agree_on_engine() {
  control_.say({.kind = MessageKind::kMade,
                .number = is_uring(*worker_) ? 1u : 0u,
                .text = worker_->engine_reason()});
  while (auto message = control_.wait()) {
    if (message->kind != MessageKind::kStart) continue;
    const bool wants_uring = message->number == 1;
    if (wants_uring == is_uring(*worker_)) return true;
    const auto engine = wants_uring ? EngineChoice::kUring : EngineChoice::kEpoll;
    if (auto made = make_engine(engine); !made) return std::unexpected(made.error());
    return true;
  }
  return false;
}

void WorkerProcess::serve() {
  const HostOptions& options = *start_.common.options;
  service_ = options.application->make_service(
      {*worker_, start_.index, static_cast<unsigned>(start_.common.pages->workers().size())});
  OURO_CHECK(service_ != nullptr);
  const GateOptions gate_options{.self = start_.index,
                                 .max_connections = options.max_connections,
                                 .worker_connections_max = start_.connections_max};
  gate_ = std::make_unique<Gate>(gate_options, start_.common.pages->workers(), start_.inboxes,
                                 *worker_);
  worker_->set_admission(gate_.get());
  for (Listeners::Socket& socket : start_.listeners) {
    listen(own_, socket.listener, std::move(socket.fd));
  }
  gate_->open_inbox(start_.index, start_.inboxes.take_receiving_end(start_.index));
  control_watch_ = std::make_unique<Watch>(*worker_, control_.fd(), [this] { control_readable(); });
  last_look_ = std::make_unique<Timer>(*worker_, [this] { leave(); });
}

void WorkerProcess::listen(Listening& into, ListenerId listener, os::Fd socket) {
  const std::pair key{listener, os::socket_cookie(socket.get())};
  if (into.contains(key)) return;
  Handler& handler = service_->handler(listener);
  gate_->serve_with(listener, handler);
  into[key] = worker_->listen_on(socket.release(), handler);
}

void WorkerProcess::listen_to_all(Listening& into, std::string_view listeners,
                                  std::vector<os::Fd> fds) {
  auto fd = fds.begin();
  for (const ListenerId listener : numbers_in(listeners)) {
    if (fd == fds.end()) return;
    listen(into, listener, std::move(*fd++));
  }
}

void WorkerProcess::control_readable() {
  bool gone = false;
  while (auto message = receive_control(control_.fd(), gone)) obey(*message);
  if (!gone) return;
  log::error("master_died", {{"drain_ms", kOrphanDrain.count()}});
  control_watch_ = nullptr;
  drain(kOrphanDrain);
}

void WorkerProcess::obey(ReceivedMessage& message) {
  const auto number = static_cast<unsigned>(message.number);
  switch (message.kind) {
    case MessageKind::kAdopt:
      return adopt(number, message.text, std::move(message.fds));
    case MessageKind::kRelease:
      return release(number);
    case MessageKind::kWake:
      return gate_->wake();
    case MessageKind::kPlan:
      return reconfigure(message.fds.empty() ? -1 : message.fds.front().get(), message.number);
    case MessageKind::kListen:
      return leaving_ ? void() : listen_to_all(own_, message.text, std::move(message.fds));
    case MessageKind::kUnlisten:
      return stop_listening(message.text);
    case MessageKind::kCommit:
      return control_.say({.kind = MessageKind::kReloaded, .number = message.number});
    case MessageKind::kDrain:
      return drain(std::chrono::milliseconds{message.number});
    default:
      return;  // kPing: the turn that read it is the answer
  }
}

void WorkerProcess::adopt(unsigned worker, std::string_view listeners, std::vector<os::Fd> fds) {
  if (fds.empty() || leaving_) return;
  if (!adopted_.contains(worker)) gate_->open_inbox(worker, std::move(fds.back()));
  fds.pop_back();
  Listening& adopted = adopted_[worker];
  listen_to_all(adopted, listeners, std::move(fds));
  log::info("adopted", {{"of", worker}, {"listeners", adopted.size()}});
}

void WorkerProcess::release(unsigned worker) {
  const auto found = adopted_.find(worker);
  if (found == adopted_.end() || leaving_) return;
  for (const auto& [number, listener] : found->second) worker_->stop_listening(listener);
  gate_->close_inbox(worker);
  adopted_.erase(found);
  log::info("released", {{"of", worker}});
}

// Who has come before is served, and who has not comes too late.
void WorkerProcess::stop_listening(std::string_view listeners) {
  if (leaving_) return;
  std::vector<Listening*> all{&own_};
  for (auto& [worker, adopted] : adopted_) all.push_back(&adopted);
  for (const ListenerId listener : numbers_in(listeners)) {
    for (Listening* listening : all) {
      const auto first = listening->lower_bound({listener, 0});
      const auto last = listening->lower_bound({listener + 1, 0});
      for (auto one = first; one != last; ++one) {
        worker_->empty_queue(one->second);
        worker_->stop_listening(one->second);
      }
      listening->erase(first, last);
    }
  }
}

void WorkerProcess::reconfigure(int fd, std::size_t size) {
  const auto plan = os::read_shared_bytes(fd, size);
  if (plan) return service_->reconfigure(*plan);
  log::error("reload_failed", {{"reason", "the plan cannot be read"}});
}

void WorkerProcess::drain(std::chrono::milliseconds limit) {
  const std::uint64_t until_ns = worker_->now_ns() + as_ns(limit);
  leave_by_ns_ = leaving_ ? std::min(leave_by_ns_, until_ns) : until_ns;
  if (!leaving_) {
    leaving_ = true;
    gate_->keep_all();
    start_.common.pages->workers()[start_.index].keeps_all.store(true);
  }
  worker_->drain(limit, [this](std::size_t cut) { drained(cut); });
}

void WorkerProcess::drained(std::size_t cut) {
  cut_ += cut;
  last_look_->start(start_.common.pages->workers().size() > 1 ? kLastLook
                                                              : std::chrono::milliseconds{0});
}

// Whoever came in meanwhile is served, and so is who had to wait for others to leave. Another
// worker may have handed a connection over before it heard that all are leaving: it says when it
// has heard, and only after that an empty inbox stays empty.
void WorkerProcess::leave() {
  const bool to_come =
      std::ranges::any_of(start_.common.pages->workers(), &WorkerPage::may_hand_over);
  const bool more =
      gate_->empty_inboxes() || to_come || worker_->connection_count() + gate_->waiting() > 0;
  const std::uint64_t now = worker_->now_ns();
  if (more && now < leave_by_ns_) {
    const std::chrono::nanoseconds left(leave_by_ns_ - now);
    return worker_->drain(std::chrono::ceil<std::chrono::milliseconds>(left),
                          [this](std::size_t cut) { drained(cut); });
  }
  cut_ += worker_->connection_count() + gate_->waiting();
  control_.say({.kind = MessageKind::kDrained, .number = cut_});
  worker_->stop();
}

}  // namespace ouro::host
