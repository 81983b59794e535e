// Passing on within the kernel: what is received goes through a pipe into the partner's socket.
//
// The calls are made here, when the socket is ready, and never wait. (As an operation of io_uring
// each would go to a thread of its own.) The pipe belongs to the sending side, as the first of what
// it has unsent: so ends, resets, idling and draining see no difference.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "engine/connection_state.h"
#include "engine/worker_loop.h"
#include "os/socket.h"

namespace ouro::engine {

void ConnectionState::begin_splicing() noexcept {
  splices_ = true;
  made_nonblocking_ = loop.backend().traits().blocking_files;
  if (made_nonblocking_) os::set_nonblocking(file_.number);
  // What it has brought comes first, and then it is asked again in the new way.
  if (receiving_) loop.backend().cancel(token(Op::kReceive), file_);
}

// A send is to wait for room. Where the peer has ended, io_uring lets it wait in a thread, and that
// would turn in circles with a file that does not block. Both directions are copied from now on.
void ConnectionState::stop_splicing() noexcept {
  made_nonblocking_ = splices_ = false;
  if (partner_ != nullptr) partner_->splices_ = false;
  os::set_blocking(file_.number);
}

// What is thrown away, or refused by the partner, is received by copying.
bool ConnectionState::may_splice() const noexcept {
  return splices_ && !discarding_ && partner_ != nullptr && partner_->accepts_data() &&
         !partner_->connecting_;
}

// Not before the partner has sent all there was: flushed() will ask again. So there is never more
// under way than what one turn brings.
void ConnectionState::await_readable(std::uint32_t credit) {
  if (!partner_->all_sent()) return;
  stalled_ = false;
  ReceiveRequest request;
  request.credit = credit;
  group_ = request.group;
  if (copies_next_) {
    if (!loop.queues().admit(*this, group_, history_.large)) return;
  } else {
    if (!loop.queues().admit_unbuffered(*this, history_.large)) return;
    awaits_readable_ = request.ready_only = true;
    request.dry = asked_dry_ = splicing_dry_;
    splice_credit_ = credit;
  }
  receiving_ = true;
  ++in_flight_;
  loop.counted().receives_asked.add();
  loop.backend().receive(token(Op::kReceive), file_, request);
}

// There is something to read: bytes, an end, or an error, which only the first call is told. Where
// readiness is remembered, it is read until a call finds nothing; and that call's pipe was empty,
// or it would not know which of the two had no room.
void ConnectionState::splice_on() {
  const bool remembered = loop.backend().traits().ready_once;
  const bool fresh = !remembered || asked_dry_;  // the readiness is that of now
  bool first = true;
  int count = 0;
  std::uint32_t left = splice_credit_;
  do {
    if (paused_ || !may_splice() || !partner_->all_sent()) return arm_receive();
    count = splice_some(left);
    if (dying_) return;
    if (count > 0) left -= static_cast<std::uint32_t>(count);
    if (count > 0) first = false;
  } while (count > 0 && left > 0 && remembered);
  if (count > 0) return arm_receive();
  if (count == 0) return peer_ended();
  if (count == -EAGAIN && !(fresh && first)) {
    splicing_dry_ = remembered;
    arm_receive();
    splicing_dry_ = false;  // no longer known, should it be asked later
    return;
  }
  const bool odd = count == -EAGAIN || count == -ENFILE || count == -ENOMEM || count == -EINVAL ||
                   count == -EPERM;
  if (!odd) return receive_failed(errc_from_errno(-count));
  // No pipe, or nothing where there should be something (urgent data): what is next is copied.
  copies_next_ = true;
  loop.counted().splices_refused.add();
  arm_receive();
}

// From the socket through an empty pipe to the partner. A count, 0 at the end, or -errno; -ENFILE
// without a pipe.
int ConnectionState::splice_some(std::uint32_t most) {
  ConnectionState& to = *partner_;
  std::optional<os::Pipe> pipe = loop.pipes().take(loop.now_ns());
  if (!pipe) return -ENFILE;
  const int count = os::splice_now(file_.number, pipe->writing.get(), most);
  if (count <= 0) {
    loop.pipes().give_back(std::move(*pipe));
    return count;
  }
  const auto bytes = static_cast<std::uint32_t>(count);
  last_active_ns_ = loop.now_ns();
  received_bytes += bytes;
  loop.counted().receives.add();
  loop.counted().received_bytes.add(bytes);
  loop.counted().spliced_bytes.add(bytes);
  (void)loop.policy().learn(history_, bytes);
  to.pipe_ = std::move(*pipe);
  to.pipe_bytes_ = bytes;
  to.send_pipe(false);
  return count;
}

// Into the socket. With what does not fit, the connection keeps the pipe until there is room.
void ConnectionState::send_pipe(bool woken) {
  const std::uint32_t before = pipe_bytes_;
  int count = 0;
  while (pipe_bytes_ > 0) {
    count = os::splice_now(pipe_.reading.get(), file_.number, pipe_bytes_);
    if (count <= 0) break;
    pipe_bytes_ -= static_cast<std::uint32_t>(count);
    last_active_ns_ = loop.now_ns();
    sent_bytes += static_cast<std::uint64_t>(count);
    loop.counted().sends.add();
    loop.counted().sent_bytes.add(static_cast<std::uint64_t>(count));
  }
  if (pipe_bytes_ == 0) {
    loop.pipes().give_back(std::move(pipe_));
    return queue.head != nullptr ? start_send() : flushed();
  }
  OURO_CHECK(count < 0);
  const bool full = count == -EAGAIN;
  if (!full && count != -ENOBUFS && count != -ENOMEM) {
    return send_failed(errc_from_errno(-count));
  }
  if (full && woken && pipe_bytes_ == before) return unload_pipe();
  if (full) loop.counted().short_sends.add();
  sending_ = true;
  ++in_flight_;
  sending_token_ = token(Op::kSend);
  SendRequest request;
  request.ready_only = true;
  request.full = full;
  loop.backend().send(sending_token_, file_, request);
}

// Woken, and there is no room: a poll of io_uring tells of the peer's end too, over and over. A
// send waits for room alone.
void ConnectionState::unload_pipe() {
  SendQueue behind;
  std::swap(behind, queue);
  detail::BufferPool& pool = loop.unsent_pool();
  while (pipe_bytes_ > 0) {
    Block* block = pool.take();
    const int count =
        block == nullptr ? 0
                         : os::receive_now(pipe_.reading.get(), {block->memory, pool.block_bytes()},
                                           OperationVariant::kRead);
    if (count <= 0) {
      if (block != nullptr) detail::release(block);
      break;
    }
    block->end = static_cast<std::uint32_t>(count);
    pipe_bytes_ -= block->end;
    queue.push(block);
  }
  while (behind.head != nullptr) queue.push(behind.pop());
  if (pipe_bytes_ > 0) return cut(Errc::kNoMemory);
  loop.pipes().give_back(std::move(pipe_));
  blocked_ = true;
  start_send();
}

void ConnectionState::discard_pipe() noexcept {
  if (std::exchange(pipe_bytes_, 0) > 0) loop.pipes().discard(std::move(pipe_));
}

}  // namespace ouro::engine
