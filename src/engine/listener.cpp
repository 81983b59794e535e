#include "engine/listener.h"

#include "engine/worker_loop.h"

namespace ouro::engine {

namespace {

AcceptMode choose(AcceptMode wish, const BackendTraits& traits) noexcept {
  if (wish != AcceptMode::kAuto) return wish;
  // Without accepts of the kernel's own, asking for one is polling.
  return traits.accepts_in_kernel && !traits.direct_files ? AcceptMode::kPoll : AcceptMode::kSingle;
}

}  // namespace

ListenerState::ListenerState(WorkerLoop& loop, File file, Handler& handler,
                             std::uint32_t number) noexcept
    : loop_(loop),
      file_(file),
      handler_(handler),
      mode_(choose(loop.options().laboratory.accept, loop.backend().traits())),
      number_(number) {}

ListenerState::~ListenerState() { loop_.timers().stop(*this); }

Token ListenerState::token() const noexcept { return {Op::kAccept, 0, number_}; }

void ListenerState::arm() {
  if (paused_ || closing_) return;
  const std::uint32_t wanted = mode_ == AcceptMode::kSingle ? kAcceptsInTurn : 1;
  while (under_way_ < wanted && loop_.room_for_connections(under_way_)) {
    ++under_way_;
    if (mode_ == AcceptMode::kPoll) {
      loop_.backend().poll(token(), file_.number);
    } else {
      loop_.backend().accept(token(), file_);
    }
  }
  const bool full = under_way_ == 0;
  if (full && !full_) loop_.counted().accept_pauses.add();
  full_ = full;
}

void ListenerState::completed(const Completion& completion) {
  if (!completion.more) --under_way_;
  if (completion.error != Errc::kNone) {
    accept_failed(completion.error);
  } else if (mode_ == AcceptMode::kPoll) {
    accept_ready();
  } else {
    const bool direct = loop_.backend().traits().direct_files;
    loop_.welcome({completion.result, direct}, handler_);
  }
  arm();
}

// No more than a handful: the rest must not wait for a backlog to be worked off.
void ListenerState::accept_ready() {
  for (std::uint32_t i = 0; i < kAcceptsInTurn; ++i) {
    if (closing_ || !loop_.room_for_connections(0)) return;
    const int fd = loop_.backend().accept_now(file_.number);
    if (fd < 0) {
      const Errc error = errc_from_errno(-fd);
      if (error != Errc::kWouldBlock) accept_failed(error);
      return;
    }
    loop_.welcome({fd, false}, handler_);
  }
}

void ListenerState::accept_failed(Errc error) {
  // The client left before it was accepted, or we withdrew: nothing is wrong with the socket.
  if (error == Errc::kCancelled || error == Errc::kWouldBlock) return;
  loop_.counted().accept_errors.add();
  if (error == Errc::kReset || paused_) return;
  // Out of descriptors or memory, or something that would fail again at once: asking without a
  // pause would spin.
  paused_ = true;
  loop_.counted().accept_pauses.add();
  loop_.timers().start(*this, loop_.now_ns() + kPauseNs);
}

void ListenerState::expired() { resume(); }

void ListenerState::resume() {
  loop_.timers().stop(*this);
  paused_ = false;
  arm();
}

void ListenerState::empty_queue() {
  constexpr int kQueueMax = 65536;  // somaxconn rarely is above 4096
  for (int i = 0; i < kQueueMax; ++i) {
    const int fd = loop_.backend().accept_now(file_.number);
    if (fd < 0) return;
    loop_.welcome({fd, false}, handler_);
  }
}

void ListenerState::close() {
  if (closing_) return;
  closing_ = true;
  loop_.timers().stop(*this);
  if (under_way_ > 0) loop_.backend().cancel(token(), file_);
}

}  // namespace ouro::engine
