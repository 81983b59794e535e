#include "engine/worker_loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/units.h"
#include "os/socket.h"

namespace ouro::engine {
namespace {

constexpr std::size_t kUnsentBlock = 16u << 10;
// Above unsent_bytes_max: what receives already under way may bring when the bound is reached.
constexpr std::size_t kUnsentReserve = 256u << 20;
constexpr std::size_t kConstantBlocksMax = std::size_t{1} << 22;
constexpr std::size_t kWindowMin = 4096;  // below, receiving byte by byte would only cost time
constexpr auto kUntilWoken = std::chrono::nanoseconds::max();

}  // namespace

WorkerLoop::WorkerLoop(const WorkerOptions& options, std::unique_ptr<Backend> backend,
                       std::string reason, std::unique_ptr<Counters> own_counters)
    : options_(options),
      own_counters_(std::move(own_counters)),
      counters_(*options.counters),
      reason_(std::move(reason)),
      unsent_pool_(kUnsentBlock, (options.unsent_bytes_max + kUnsentReserve) / kUnsentBlock),
      constant_blocks_(0, kConstantBlocksMax),
      backend_(std::move(backend)),
      pipes_(options.window_bytes),
      policy_(options.laboratory, backend_->traits(), options.window_bytes),
      timers_(backend_->now_ns()),
      queues_(*backend_),
      drain_(*this),
      now_ns_(backend_->now_ns()),
      window_(options.window_bytes) {
  (void)unsent_pool_.prepare();  // without it now, it is tried again
  const auto clear = std::make_shared<std::function<void()>>([this] { wakeup_.clear(); });
  wakeup_watch_ = add_watch(wakeup_.fd(), clear);
  next_second_ns_ = now_ns_ + kSecondNs;
}

// Cuts what is open, and sees to it that no memory goes while the kernel may still use it.
WorkerLoop::~WorkerLoop() {
  admission_ = nullptr;
  for (Waiting& waiting : waiting_) backend_->close(waiting.file);
  for (auto& listener : listeners_) {
    if (listener != nullptr) stop_listening(listener.get());
  }
  remove_watch(wakeup_watch_);
  constexpr int kTurnsMax = 1000;  // each waits a millisecond at most
  for (int i = 0; i < kTurnsMax && has_work(); ++i) {
    // In each turn anew: an accept that was under way may still bring one.
    connections_.for_each([](ConnectionState& connection) { connection.cut(Errc::kAborted); });
    turn(std::chrono::milliseconds{1});
  }
  backend_->wait(0);  // hands over the last closes
}

Result<Listener*> WorkerLoop::listen(const Address& address, Handler& handler,
                                     const ListenOptions& options) {
  auto fd = os::listen_socket(address, options);
  if (!fd) return std::unexpected(fd.error());
  return listen_on(fd->release(), handler);
}

Listener* WorkerLoop::listen_on(int listening_fd, Handler& handler) {
  auto place = std::find(listeners_.begin(), listeners_.end(), nullptr);
  if (place == listeners_.end()) place = listeners_.insert(place, nullptr);
  const auto number = static_cast<std::uint32_t>(place - listeners_.begin());
  const File file{listening_fd, false};
  os::set_nonblocking(listening_fd);
  *place = std::make_unique<ListenerState>(*this, file, handler, number);
  (*place)->arm();
  return place->get();
}

void WorkerLoop::empty_queue(Listener* listener) {
  static_cast<ListenerState*>(listener)->empty_queue();
}

void WorkerLoop::stop_listening(Listener* listener) {
  auto* state = static_cast<ListenerState*>(listener);
  state->close();
  listeners_closing_ = true;
  if (state->closed()) sweep_due_ = true;  // no completion will wake the loop for it
}

// At the end of the turn: a handler may have stopped the very listener that is calling it.
void WorkerLoop::sweep_listeners() {
  listeners_closing_ = sweep_due_ = false;
  for (auto& listener : listeners_) {
    if (listener == nullptr || !listener->closing()) continue;
    if (listener->closed()) {
      backend_->close(listener->file());
      listener.reset();
    } else {
      listeners_closing_ = true;
    }
  }
}

Address WorkerLoop::address_of(const Listener* listener) const {
  return backend_->local_address(static_cast<const ListenerState*>(listener)->file());
}

Result<Connection*> WorkerLoop::connect(const Address& to, Handler& handler,
                                        const ConnectOptions& options) {
  const auto file = backend_->open_for_connect(to, options);
  if (!file) return std::unexpected(file.error());
  ConnectionState& connection = make_connection(*file, handler);
  ++outgoing_;
  connection.begin_connect(to, options.timeout);
  return &connection;
}

Connection& WorkerLoop::serve(int connected_fd, Handler& handler) {
  ConnectionState& connection = make_connection(backend_->adopt(connected_fd), handler);
  counters_.connections_accepted.add();
  fresh_.push_back(connection);
  return connection;
}

// Served from inside some handler's call, they are opened when that has returned.
void WorkerLoop::open_fresh() {
  while (ConnectionState* connection = fresh_.pop_front()) connection->begin_open();
}

ConnectionState& WorkerLoop::make_connection(File file, Handler& handler) {
  std::uint32_t number = 0;
  ConnectionState* connection = connections_.allocate(&number, *this, file, handler);
  connection->set_slot(number, connections_.generation(number));
  counters_.connections_open.add();
  return *connection;
}

void WorkerLoop::welcome(File file, Handler& handler) {
  using Verdict = Admission::Verdict;
  Verdict verdict = Verdict::kServe;
  if (admission_ != nullptr) verdict = admission_->admit(file.direct ? -1 : file.number, handler);
  if (verdict == Verdict::kServe) {
    ConnectionState& connection = make_connection(file, handler);
    counters_.connections_accepted.add();
    connection.begin_open();
  }
  if (verdict == Verdict::kWait) waiting_.push_back({file, &handler});
}

void WorkerLoop::readmit() { readmitting_ = true; }

void WorkerLoop::ask_again() {
  readmitting_ = false;
  std::vector<Waiting> again;
  again.swap(waiting_);
  for (const Waiting& waiting : again) welcome(waiting.file, *waiting.handler);
  for (auto& listener : listeners_) {
    if (listener != nullptr) listener->arm();
  }
}

bool WorkerLoop::room_for_connections(std::size_t expected) const noexcept {
  const std::size_t accepted = connections_.used() - outgoing_;
  return waiting_.empty() && accepted + expected < options_.connections_max &&
         connections_.used() + expected < backend_->traits().files_max;
}

void WorkerLoop::run() {
  while (!stopping_.load(std::memory_order_acquire) && has_work()) turn(kUntilWoken);
  backend_->wait(0);  // hands over the last closes
  stopping_.store(false, std::memory_order_release);
}

void WorkerLoop::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  wakeup_.signal();
}

bool WorkerLoop::has_work() const noexcept {
  constexpr std::size_t kOwnWatches = 1;  // the wake-up
  const bool listening = std::any_of(listeners_.begin(), listeners_.end(),
                                     [](const auto& listener) { return listener != nullptr; });
  return listening || connections_.used() > 0 || timers_.size() > 0 ||
         watches_.used() > kOwnWatches;
}

void WorkerLoop::turn(std::chrono::nanoseconds wait_max) {
  backend_->wait(wait_time(wait_max));
  now_ns_ = backend_->now_ns();
  counters_.turns.add();
  counters_.last_turn_ns.set(now_ns_);
  policy_.begin_turn();
  queues_.begin_turn(policy_.streams_per_turn());
  backend_->dispatch(*this);
  timers_.advance(now_ns_);
  if (!fresh_.empty()) open_fresh();
  if (readmitting_) ask_again();
  if (!dead_.empty()) bury();
  queues_.serve();  // last: all of the above may have given buffers back
  if (listeners_closing_) sweep_listeners();
  update_window();
  if (now_ns_ >= next_second_ns_) once_a_second();
}

// Counted from the clock's last reading: a turn reads it once.
std::uint64_t WorkerLoop::wait_time(std::chrono::nanoseconds wait_max) const noexcept {
  if (!dead_.empty() || !fresh_.empty() || readmitting_ || queues_.can_go()) return 0;
  if (stopping_.load(std::memory_order_acquire) || sweep_due_) return 0;
  const std::uint64_t next = timers_.next_ns();
  const std::uint64_t timer = next == TimerWheel::kNever ? kForever
                              : next > now_ns_           ? next - now_ns_
                                                         : 0;
  if (wait_max == kUntilWoken) return timer;
  return std::min(timer, static_cast<std::uint64_t>(std::max<std::int64_t>(0, wait_max.count())));
}

void WorkerLoop::complete(const Completion& completion) {
  switch (completion.token.op()) {
    case Op::kReceive:
    case Op::kSend:
    case Op::kConnect:
      return connection_completed(completion);
    case Op::kAccept:
      return accept_completed(completion);
    case Op::kSendZeroCopy:
      return zero_copy_completed(completion);
    case Op::kPoll:
      return watch_completed(completion);
    case Op::kLinkedPoll:
    case Op::kNone:
      return;
  }
}

void WorkerLoop::connection_completed(const Completion& completion) {
  const Token token = completion.token;
  ConnectionState* connection = connections_.find(token.slot(), token.generation());
  OURO_CHECK(connection != nullptr);  // a slot is kept until its last completion
  switch (token.op()) {
    case Op::kReceive:
      return connection->received(completion);
    case Op::kSend:
      return connection->sent(completion);
    default:
      return connection->connected(completion);
  }
}

void WorkerLoop::accept_completed(const Completion& completion) {
  ListenerState* listener = listeners_[completion.token.slot()].get();
  OURO_CHECK(listener != nullptr);
  listener->completed(completion);
}

void WorkerLoop::zero_copy_completed(const Completion& completion) {
  const std::uint32_t number = completion.token.slot();
  ZeroCopySend* send = zero_copy_sends_.find(number, completion.token.generation());
  OURO_CHECK(send != nullptr);
  send->owner->zero_copy_sent(completion, number, *send);
}

// A watch may have been removed while its poll was under way: the generation tells.
void WorkerLoop::watch_completed(const Completion& completion) {
  const Token token = completion.token;
  WatchSlot* watch = watches_.find(token.slot(), token.generation());
  if (watch == nullptr || completion.error == Errc::kCancelled) return;
  const auto readable = watch->readable;
  (*readable)();
  watch = watches_.find(token.slot(), token.generation());  // the callee may have removed it
  if (watch != nullptr) backend_->poll(token, watch->fd);
}

std::uint32_t WorkerLoop::add_watch(int fd, std::shared_ptr<std::function<void()>> readable) {
  std::uint32_t number = 0;
  *watches_.allocate(&number) = WatchSlot{fd, std::move(readable)};
  backend_->poll(Token(Op::kPoll, watches_.generation(number), number), fd);
  return number;
}

void WorkerLoop::remove_watch(std::uint32_t number) {
  const std::uint32_t generation = watches_.generation(number);
  WatchSlot* watch = watches_.find(number, generation);
  backend_->cancel(Token(Op::kPoll, generation, number), File{watch->fd, false});
  watches_.free(number);
}

void WorkerLoop::retire(ConnectionState& connection) noexcept {
  connection.ConnectionHook::unlink();  // it may be parked
  dead_.push_back(connection);
}

void WorkerLoop::bury() {
  while (ConnectionState* connection = dead_.pop_front()) {
    // What is still under way brings it back here when it completes.
    if (connection->close_file() && connection->can_be_freed()) free_connection(*connection);
  }
  for (auto& listener : listeners_) {
    if (listener != nullptr) listener->resume();
  }
  if (connections_.used() == 0) drain_.connections_gone();
}

void WorkerLoop::free_connection(ConnectionState& connection) {
  const bool was_admitted = !connection.outgoing();
  connection.bury();
  connections_.free(connection.slot());
  counters_.connections_open.sub();
  counters_.connections_closed.add();
  if (!was_admitted) --outgoing_;
  if (was_admitted && admission_ != nullptr) admission_->left();
}

void WorkerLoop::drain(std::chrono::milliseconds limit, std::function<void(std::size_t)> done) {
  for (auto& listener : listeners_) {
    if (listener == nullptr) continue;
    listener->empty_queue();
    stop_listening(listener.get());
  }
  drain_.start(limit, std::move(done));
}

void WorkerLoop::once_a_second() {
  next_second_ns_ = now_ns_ + kSecondNs;
  backend_->trim();
  unsent_pool_.trim();
  counters_.pool_bytes.set(backend_->pool_bytes());
}

// The last quarter of the memory for unsent bytes is given out ever more sparingly. A connection
// with nothing unsent may always receive, so nobody is shut out.
void WorkerLoop::update_window() noexcept {
  const std::size_t used = unsent_pool_.used_bytes();
  counters_.unsent_bytes.set(used);
  const std::size_t most = std::min(options_.unsent_bytes_max, unsent_pool_.usable_bytes());
  const std::size_t spare = most - std::min(used, most);
  const std::size_t quarter = std::max<std::size_t>(1, most / 4);
  window_ = options_.window_bytes;
  if (spare < quarter) {
    window_ = static_cast<std::size_t>(static_cast<double>(window_) * static_cast<double>(spare) /
                                       static_cast<double>(quarter));
    window_ = std::max(window_, std::min(options_.window_bytes, kWindowMin));
  }
  // Receives that are asked for already pay no heed to that: all together fit into the reserve. A
  // multishot may bring its credit twice.
  policy_.limit_credit(kUnsentReserve / 2 / std::max<std::size_t>(1, connections_.used()));
}

}  // namespace ouro::engine
