// A connection's beginning, receiving and end. Sending is in connection_send.cpp.
#include "ouro/connection.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/units.h"
#include "engine/connection_state.h"
#include "engine/worker_loop.h"

namespace ouro::engine {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

}  // namespace

ConnectionState::ConnectionState(WorkerLoop& loop_, File file, Handler& handler_) noexcept
    : loop(loop_), handler(&handler_), file_(file), last_active_ns_(loop_.now_ns()) {}

void ConnectionState::set_slot(std::uint32_t slot, std::uint32_t generation) noexcept {
  slot_ = slot;
  generation_ = generation;
}

void ConnectionState::begin_connect(const Address& to, std::chrono::milliseconds timeout) {
  outgoing_ = connecting_ = true;
  ++in_flight_;
  loop.backend().connect(token(Op::kConnect), file_, to);
  loop.timers().start(*this, loop.now_ns() + as_ns(timeout));
}

void ConnectionState::connected(const Completion& completion) {
  --in_flight_;
  connecting_ = false;
  if (dying_) return settle();
  loop.timers().stop(*this);
  if (completion.error != Errc::kNone) return die(completion.error);
  loop.counted().connections_connected.add();
  begin_open();
}

void ConnectionState::begin_open() {
  start_idle_timer(idle_chosen_ ? std::chrono::milliseconds{idle_timeout_ms_}
                                : loop.options().idle_timeout);
  choose_zero_copy();
  handler->opened(*this);
  if (dying_) return;
  if (queue.head != nullptr && !sending_) start_send();
  if (finishing_ && queue.head == nullptr) send_fin();
  arm_receive();
}

void ConnectionState::arm_receive() {
  if (receiving_ || connecting_ || ended_ || dying_ || ConnectionHook::linked()) return;
  if (paused_ && !discarding_) return;
  ReceiveHistory history = history_;
  history.zero_copy = other().history_.zero_copy;
  const ReceiveRequest request = loop.policy().request(history, backlog(), loop.window());
  if (request.credit == 0) {
    if (backlog() < loop.window() && !other().blocked_) return;  // a send is about to make room
    if (!stalled_) loop.counted().window_stalls.add();
    stalled_ = other().window_full_ = true;
    return;
  }
  if (may_splice()) return await_readable(request.credit);
  stalled_ = false;
  group_ = request.group;
  if (!loop.queues().admit(*this, group_, history_.large)) return;
  receiving_ = true;
  ++in_flight_;
  loop.counted().receives_asked.add();
  loop.backend().receive(token(Op::kReceive), file_, request);
}

void ConnectionState::received(const Completion& completion) {
  if (!completion.more) {
    receiving_ = false;
    --in_flight_;
  }
  Buffer buffer(completion.block);
  const bool only_ready = std::exchange(awaits_readable_, false);
  if (dying_) return settle();
  if (completion.error != Errc::kNone) return receive_failed(completion.error);
  if (only_ready) return splice_on();
  if (completion.result == 0) return peer_ended();
  deliver(std::move(buffer));
  arm_receive();
}

void ConnectionState::deliver(Buffer buffer) {
  const std::size_t size = buffer.size();
  received_bytes += size;
  was_called = copies_next_ = false;
  // Who may not be heard any more does not prolong its life by talking.
  if (!discarding_ && !in_vain()) last_active_ns_ = loop.now_ns();
  loop.counted().receives.add();
  loop.counted().received_bytes.add(size);
  const bool unsuited = loop.policy().learn(history_, size);
  if (!discarding_) {
    handler->data(*this, std::move(buffer));
  } else if (draining_ && !std::exchange(cut_short_, true)) {
    loop.drain().cut_short();
  }
  // A multishot without a limit would go on into a full window, or past a pause.
  const bool overflowing = loop.policy().unlimited() && (paused_ || backlog() >= loop.window());
  if (receiving_ && !dying_ && (unsuited || overflowing)) {
    loop.backend().cancel(token(Op::kReceive), file_);
  }
}

void ConnectionState::receive_failed(Errc error) {
  switch (error) {
    case Errc::kCancelled:  // withdrawn to be asked again in another way
    case Errc::kWouldBlock:
      return arm_receive();
    case Errc::kNoBuffers:
      loop.counted().buffer_stalls.add();
      // Its memory waits for distant peers to acknowledge: copying is better than waiting too.
      if (other().give_up_zero_copy()) return arm_receive();
      if (!receiving_ && !ConnectionHook::linked()) loop.queues().park(*this, group_);
      return;
    default:
      return die(error);
  }
}

void ConnectionState::peer_ended() {
  ended_ = true;
  last_active_ns_ = loop.now_ns();
  if (broken_ != Errc::kNone) return die(broken_);  // the failed send was told of it
  if (finished_) return die(Errc::kNone);
  if (!discarding_) handler->ended(*this);
  // While bytes are unsent, nothing but the send itself tells whether the peer is still there.
}

bool ConnectionState::quiet(std::uint64_t since_ns) const noexcept {
  return partner_ == nullptr && pending_bytes() == 0 && last_active_ns_ <= since_ns &&
         loop.backend().unread_bytes(file_) == 0;
}

std::uint64_t ConnectionState::last_active_ns() const noexcept {
  return partner_ == nullptr ? last_active_ns_
                             : std::max(last_active_ns_, partner_->last_active_ns_);
}

void ConnectionState::pair_with(ConnectionState& other) noexcept {
  OURO_CHECK(partner_ == nullptr && other.partner_ == nullptr && this != &other);
  if (dying_ || other.dying_) return;
  partner_ = &other;
  other.partner_ = this;
}

bool ConnectionState::splice_with(ConnectionState& other) noexcept {
  if (!loop.backend().traits().ready_only || file_.direct || other.file_.direct) return false;
  pair_with(other);
  if (partner_ != &other) return true;
  begin_splicing();
  other.begin_splicing();
  return true;
}

void ConnectionState::unpair() noexcept {
  if (partner_ == nullptr) return;
  partner_->partner_ = nullptr;
  partner_ = nullptr;
}

void ConnectionState::close_gently() {
  if (dying_ || discarding_) return;
  if (connecting_) return die(Errc::kAborted);
  discarding_ = true;
  if (finished_) {
    linger();
  } else {
    if (idle_timeout_ms_ == 0) start_idle_timer(kFlushLimit);
    finish_sending();
  }
  arm_receive();
}

void ConnectionState::close_for_drain() {
  if (partner_ != nullptr) return cut_pair_for_drain();
  draining_ = draining_ || !discarding_;
  close_gently();
}

// Both at once: if the first dies of it, nothing else would tell that the other has lost its
// partner in the middle of what it was saying.
void ConnectionState::cut_pair_for_drain() {
  ConnectionState& partner = *partner_;
  const bool leaving = discarding_ || partner.discarding_;
  if (!leaving && count_as_cut_short()) loop.drain().cut_short();
  cut_when_sent(Errc::kAborted);
  partner.cut_when_sent(Errc::kAborted);
}

bool ConnectionState::count_as_cut_short() noexcept {
  if (dying_ || cut_short_) return false;
  cut_short_ = true;
  if (partner_ != nullptr) partner_->cut_short_ = true;
  return true;
}

void ConnectionState::die(Errc reason) {
  if (dying_) return;
  dying_ = true;
  reason_ = reason;
  unpair();
  loop.timers().stop(*this);
  withdraw_operations();
  settle();
}

// Not a word to the peer but RST: what is unsent is lost, and it shall know.
void ConnectionState::cut(Errc reason) {
  if (dying_) return;
  cut_ = true;
  loop.backend().reset_on_close(file_);
  die(reason);
}

void ConnectionState::cut_when_sent(Errc reason) {
  if (dying_ || cut_later_ != Errc::kNone) return;
  if (connecting_) return cut(reason);
  cut_later_ = reason;
  finishing_ = discarding_ = true;
  last_active_ns_ = loop.now_ns();
  if (idle_timeout_ms_ == 0) start_idle_timer(kFlushLimit);
  all_sent() ? await_acknowledgement() : arm_receive();
}

// The kernel has it all, but a reset would throw away what it still has.
void ConnectionState::await_acknowledgement() {
  const std::uint64_t passed = loop.now_ns() - last_active_ns_;
  const bool arrived = loop.backend().unacknowledged_bytes(file_) == 0;
  if (arrived || passed >= idle_timeout_ms_ * kMillisecond) return cut(cut_later_);
  loop.timers().start(*this, loop.now_ns() + std::max(kMillisecond, passed / 4));
  arm_receive();
}

void ConnectionState::withdraw_operations() {
  if (receiving_) loop.backend().cancel(token(Op::kReceive), file_);
  if (sending_) loop.backend().cancel(sending_token_, file_);
  if (connecting_) loop.backend().cancel(token(Op::kConnect), file_);
}

// Once nothing is under way, the end of the turn closes and frees it.
void ConnectionState::settle() {
  if (in_flight_ == 0) loop.retire(*this);
}

bool ConnectionState::close_file() {
  if (in_flight_ > 0) return false;
  if (!file_closed_) loop.backend().close(file_);
  file_closed_ = true;
  return true;
}

void ConnectionState::bury() {
  while (queue.head != nullptr) detail::release(queue.pop());
  discard_pipe();
  Counters& counted = loop.counted();
  if (cut_) {
    counted.connections_cut.add();
  } else if (reason_ == Errc::kReset) {
    counted.connections_reset.add();
  } else if (reason_ == Errc::kTimedOut) {
    counted.connections_timed_out.add();
  }
  handler->closed(*this, reason_);
}

void ConnectionState::pause_receiving() {
  paused_ = true;
  if (receiving_ && loop.policy().unlimited()) {
    loop.backend().cancel(token(Op::kReceive), file_);
  }
}

void ConnectionState::resume_receiving() {
  paused_ = false;
  arm_receive();
}

void ConnectionState::restart_idle_timer(std::chrono::milliseconds timeout) {
  if (discarding_ || dying_) return;
  idle_chosen_ = true;
  // While it connects, the one timer it has is taken: begin_open() will start it.
  if (connecting_) {
    idle_timeout_ms_ = static_cast<std::uint32_t>(std::max<std::int64_t>(0, timeout.count()));
  } else {
    start_idle_timer(timeout);
  }
}

void ConnectionState::start_idle_timer(std::chrono::milliseconds timeout) {
  idle_timeout_ms_ = static_cast<std::uint32_t>(std::max<std::int64_t>(0, timeout.count()));
  loop.timers().stop(*this);
  if (idle_timeout_ms_ == 0) return;
  loop.timers().start(*this, loop.now_ns() + idle_timeout_ms_ * kMillisecond);
}

// One timer serves connecting, idling and lingering: they follow each other. Activity does not
// touch the timer; when it fires early it is started again for what is left.
void ConnectionState::expired() {
  if (connecting_ || (discarding_ && finished_)) {
    return die(connecting_ ? Errc::kTimedOut : Errc::kNone);
  }
  if (cut_later_ != Errc::kNone && all_sent()) return await_acknowledgement();
  const std::uint64_t deadline = last_active_ns() + idle_timeout_ms_ * kMillisecond;
  if (loop.now_ns() < deadline) return loop.timers().start(*this, deadline);
  if (cut_later_ != Errc::kNone) return cut(cut_later_);
  // Who listens to the other through this side must not take the rest for a whole.
  if (partner_ != nullptr && !finished_) loop.backend().reset_on_close(file_);
  die(broken_ != Errc::kNone ? broken_ : Errc::kTimedOut);
}

}  // namespace ouro::engine

namespace ouro {
namespace {

engine::ConnectionState& state(Connection& connection) noexcept {
  return static_cast<engine::ConnectionState&>(connection);
}
const engine::ConnectionState& state(const Connection& connection) noexcept {
  return static_cast<const engine::ConnectionState&>(connection);
}

}  // namespace

void Handler::ended(Connection& connection) { connection.close(); }

void Connection::send(Buffer buffer) { state(*this).enqueue(std::move(buffer)); }
void Connection::send(std::span<const std::byte> bytes) { state(*this).enqueue(bytes); }
void Connection::send_constant(std::span<const std::byte> bytes) {
  state(*this).enqueue_constant(bytes);
}
void Connection::finish() { state(*this).finish_sending(); }
void Connection::close() { state(*this).close_gently(); }
void Connection::abort(Errc reason) { state(*this).cut(reason); }
void Connection::abort_when_sent(Errc reason) { state(*this).cut_when_sent(reason); }
void Connection::pair_with(Connection& other) { state(*this).pair_with(state(other)); }
bool Connection::splice_with(Connection& other) { return state(*this).splice_with(state(other)); }
void Connection::pause() { state(*this).pause_receiving(); }
void Connection::resume() { state(*this).resume_receiving(); }
std::size_t Connection::unsent() const noexcept { return state(*this).queue.bytes; }
std::uint64_t Connection::received_bytes() const noexcept { return state(*this).received_bytes; }
std::uint64_t Connection::sent_bytes() const noexcept { return state(*this).sent_bytes; }
void Connection::set_idle_timeout(std::chrono::milliseconds timeout) {
  state(*this).restart_idle_timer(timeout);
}
void Connection::set_handler(Handler& handler) noexcept { state(*this).handler = &handler; }
Worker& Connection::worker() const noexcept { return state(*this).loop; }
Address Connection::peer() const {
  return state(*this).loop.backend().peer_address(state(*this).file());
}
Address Connection::local() const {
  return state(*this).loop.backend().local_address(state(*this).file());
}

}  // namespace ouro
