// A connection's sending: one send under way, in order, and nothing of the pool kept for a peer
// that does not read.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "engine/connection_state.h"
#include "engine/worker_loop.h"

namespace ouro::engine {
namespace {

constexpr std::uint64_t kLingerNs = 1'000'000'000;  // close() waits this long for the peer's end
constexpr std::size_t kZeroCopyMin = 16u << 10;     // below, a copy costs less than pinning pages

}  // namespace

void SendQueue::push(Block* block) noexcept {
  block->next = nullptr;
  (tail == nullptr ? head : tail->next) = block;
  tail = block;
  bytes += block->size();
}

Block* SendQueue::pop() noexcept {
  Block* block = head;
  head = block->next;
  if (head == nullptr) tail = nullptr;
  bytes -= block->size();
  block->next = nullptr;
  return block;
}

bool ConnectionState::accepts_data() const noexcept { return !dying_ && !finishing_; }

void ConnectionState::enqueue(Buffer buffer) {
  if (!accepts_data() || buffer.empty()) return;
  if (blocked_) buffer.remove_prefix(append_copy(buffer.bytes()));
  if (!buffer.empty()) blocked_ ? keep_lease(buffer.detach()) : queue.push(buffer.detach());
  queued_more();
}

void ConnectionState::enqueue(std::span<const std::byte> bytes) {
  if (!accepts_data() || bytes.empty()) return;
  if (append_copy(bytes) < bytes.size()) return cut(Errc::kNoMemory);
  queued_more();
}

void ConnectionState::enqueue_constant(std::span<const std::byte> bytes) {
  constexpr std::size_t kBlockMax = std::size_t{1} << 30;  // a block counts in 32 bits
  if (!accepts_data() || bytes.empty()) return;
  for (; !bytes.empty() && !dying_; bytes = bytes.subspan(std::min(bytes.size(), kBlockMax))) {
    Block* block = loop.constant_blocks().take();
    if (block == nullptr) return cut(Errc::kNoMemory);
    // Only ever read: a block that is not of the receive pool is not handed out.
    block->memory = const_cast<std::byte*>(bytes.data());
    block->end = static_cast<std::uint32_t>(std::min(bytes.size(), kBlockMax));
    queue.push(block);
  }
  queued_more();
}

void ConnectionState::queued_more() {
  if (queue.bytes >= loop.window()) window_full_ = true;
  if (!sending_ && !connecting_ && !dying_) start_send();
}

// First a try that takes what goes now; after a short one, sends that wait for the peer.
void ConnectionState::start_send() {
  if (blocked_ && made_nonblocking_) stop_splicing();
  sending_ = true;
  ++in_flight_;
  if (suits_zero_copy()) return start_zero_copy();
  SendRequest request;
  request.first = queue.head;
  request.wait = blocked_;
  sending_bytes_ = 0;
  for (Block* block = queue.head; block != nullptr && request.blocks < kSendBlocksMax;
       block = block->next) {
    ++request.blocks;
    sending_bytes_ += block->size();
  }
  sending_token_ = token(Op::kSend);
  loop.backend().send(sending_token_, file_, request);
}

void ConnectionState::sent(const Completion& completion) {
  --in_flight_;
  sending_ = false;
  if (dying_) return settle();
  if (pipe_bytes_ > 0) {
    return completion.error == Errc::kNone ? send_pipe(true) : send_failed(completion.error);
  }
  sent_some(completion);
}

void ConnectionState::sent_some(const Completion& completion) {
  switch (completion.error) {
    case Errc::kNone:
      return after_send(static_cast<std::size_t>(completion.result));
    case Errc::kWouldBlock:
    case Errc::kNoBuffers:  // the kernel is short of memory for now
    case Errc::kNoMemory:
      return after_send(0);
    case Errc::kUnsupported:  // of a zero-copy send: this kind of socket can only copy
      if (!std::exchange(history_.zero_copy, false)) return die(completion.error);
      return after_send(0);
    default:
      return send_failed(completion.error);
  }
}

// What the peer said before it cut the connection is meant for another, who may be slow: it is
// still read, and then the connection dies; or before, if the other takes nothing of it.
void ConnectionState::send_failed(Errc error) {
  const bool heard = partner_ != nullptr && partner_->broken_ == Errc::kNone;
  if (!heard || ended_ || discarding_) return die(error);
  broken_ = error;
  finishing_ = true;
  while (queue.head != nullptr) let_go(queue.pop());
  const auto limit = std::chrono::milliseconds(kFlushLimit).count();
  if (idle_timeout_ms_ == 0 || idle_timeout_ms_ > limit) start_idle_timer(kFlushLimit);
  discard_pipe();
  arm_receive();
  partner_->arm_receive();
}

void ConnectionState::after_send(std::size_t count) {
  last_active_ns_ = loop.now_ns();
  sent_bytes += count;
  loop.counted().sends.add();
  loop.counted().sent_bytes.add(count);
  const bool was_short = count < sending_bytes_;
  consume(count);
  if (queue.head == nullptr) return flushed();
  if (was_short && !blocked_) {
    loop.counted().short_sends.add();
    keep_unsent();
    if (dying_) return;
  }
  start_send();
  other().arm_receive();
}

// Back to the pool, unless the kernel may still read it for a zero-copy send.
void ConnectionState::let_go(Block* block) const noexcept {
  if (block != pinned_) detail::release(block);
}

void ConnectionState::consume(std::size_t count) noexcept {
  while (count > 0) {
    Block* block = queue.head;
    if (count < block->size()) {
      block->begin += static_cast<std::uint32_t>(count);
      queue.bytes -= count;
      return;
    }
    count -= block->size();
    let_go(queue.pop());
  }
}

// The peer does not keep up. What it left moves out of the receive pool into memory of our own,
// so that a thousand such peers leave the pool as hot as before.
void ConnectionState::keep_unsent() {
  blocked_ = true;
  SendQueue leased;
  std::swap(leased, queue);
  while (leased.head != nullptr) {
    Block* block = leased.pop();
    if (block->pool == &loop.unsent_pool() || block->pool == &loop.constant_blocks()) {
      queue.push(block);
    } else {
      const std::size_t copied = append_copy({block->data(), block->size()});
      block->begin += static_cast<std::uint32_t>(copied);
      block->size() == 0 ? let_go(block) : keep_lease(block);
    }
  }
}

// Fills up the last own block, then takes new ones. The block being sent may grow at its end: the
// send under way was told how far to read. Gives how much of it there was memory for.
std::size_t ConnectionState::append_copy(std::span<const std::byte> bytes) {
  detail::BufferPool& pool = loop.unsent_pool();
  std::size_t copied = 0;
  while (copied < bytes.size() && !dying_) {
    Block* block = queue.tail;
    const bool fits = block != nullptr && block->pool == &pool && block->end < pool.block_bytes();
    if (!fits) {
      block = pool.take();
      if (block == nullptr) break;
      queue.push(block);
    }
    const std::size_t count = std::min(bytes.size() - copied, pool.block_bytes() - block->end);
    std::memcpy(block->memory + block->end, bytes.data() + copied, count);
    block->end += static_cast<std::uint32_t>(count);
    queue.bytes += count;
    copied += count;
  }
  return copied;
}

// Without memory to copy to, the bytes stay where they were received, as long as that leaves enough
// for others to be received with.
void ConnectionState::keep_lease(Block* block) {
  if (!dying_ && block->pool->used() <= block->pool->made() / 2) return queue.push(block);
  let_go(block);
  cut(Errc::kNoMemory);
}

// Everything has been taken by the kernel.
void ConnectionState::flushed() {
  blocked_ = false;
  if (cut_later_ != Errc::kNone) return await_acknowledgement();
  if (finishing_) return send_fin();
  if (window_full_ && pending_bytes() < loop.window()) {
    window_full_ = false;
    handler->drained(*this);
  }
  other().arm_receive();
}

void ConnectionState::finish_sending() {
  if (finishing_ || dying_) return;
  finishing_ = true;
  if (all_sent() && !connecting_) send_fin();
}

void ConnectionState::send_fin() {
  if (finished_ || dying_) return;
  finished_ = true;
  // When the peer has ended too, closing says the same in one call less.
  // A fixed file cannot be half-closed.
  if (ended_ || file_.direct) return die(Errc::kNone);
  loop.backend().shutdown_write(file_);
  if (discarding_) linger();
}

// Bytes that still come must be read, or the close would become a reset that destroys what the
// peer has not read yet.
void ConnectionState::linger() {
  if (ended_) return die(Errc::kNone);
  loop.timers().start(*this, loop.now_ns() + kLingerNs);
}

// Zero-copy pays for large sends to another machine. On the same machine the kernel copies anyway.
void ConnectionState::choose_zero_copy() {
  const ZeroCopy wish = loop.options().laboratory.zero_copy;
  if (!loop.backend().traits().zero_copy || wish == ZeroCopy::kOff) return;
  history_.zero_copy = wish == ZeroCopy::kOn;
  if (wish == ZeroCopy::kOn) return;
  const Address peer = loop.backend().peer_address(file_);
  history_.zero_copy = peer.family() != Address::Family::kNone && !peer.is_loopback();
}

// From now on this connection's bytes are copied. False if they were already, or must not be.
bool ConnectionState::give_up_zero_copy() noexcept {
  const bool may = loop.options().laboratory.zero_copy == ZeroCopy::kAuto;
  return may && std::exchange(history_.zero_copy, false);
}

bool ConnectionState::suits_zero_copy() const noexcept {
  if (!history_.zero_copy || blocked_ || !queue.head->pool->registered()) return false;
  const bool always = loop.options().laboratory.zero_copy == ZeroCopy::kOn;
  return always || queue.head->size() >= kZeroCopyMin;
}

void ConnectionState::start_zero_copy() {
  std::uint32_t number = 0;
  ZeroCopySend* send = loop.zero_copy_sends().allocate(&number);
  send->owner = this;
  SendRequest request{queue.head, 1, false, true};
  sending_bytes_ = queue.head->size();
  sending_token_ = Token(Op::kSendZeroCopy, loop.zero_copy_sends().generation(number), number);
  loop.counted().zero_copy_sends.add();
  loop.backend().send(sending_token_, file_, request);
}

// Two completions: what was taken, and later that the kernel no longer reads the memory. Without
// `more` the second will not come.
void ConnectionState::zero_copy_sent(const Completion& completion, std::uint32_t number,
                                     ZeroCopySend& send) {
  if (completion.notified) return zero_copy_released(completion, number, send);
  sending_ = false;
  --in_flight_;
  if (completion.more) {
    send.block = pinned_ = queue.head;
    send.bytes = send.block->size();
    pinned_bytes_ += send.bytes;
    ++pinned_sends_;
  } else {
    loop.zero_copy_sends().free(number);
  }
  if (!dying_) sent_some(completion);
  if (completion.more && queue.head == pinned_) queue.pop();  // dying; the notification returns it
  pinned_ = nullptr;
  if (dying_) settle();
}

void ConnectionState::zero_copy_released(const Completion& completion, std::uint32_t number,
                                         ZeroCopySend& send) {
  detail::release(send.block);
  pinned_bytes_ -= send.bytes;
  loop.zero_copy_sends().free(number);
  --pinned_sends_;
  if (completion.copied) {
    loop.counted().zero_copy_copied.add();
    give_up_zero_copy();
  }
  if (dying_) return settle();
  if (all_sent() && !finishing_) return flushed();
  other().arm_receive();
}

}  // namespace ouro::engine
