// The state behind a Connection. Lives in its worker's slab; handlers see only the base class.
#pragma once

#include <cstdint>

#include "engine/backend.h"
#include "engine/receive_policy.h"
#include "engine/timer_wheel.h"
#include "os/pipe.h"
#include "ouro/connection.h"

namespace ouro::engine {

class WorkerLoop;

// Bytes on their way out: a list of blocks in sending order. Small, and empty when idle.
struct SendQueue {
  Block* head = nullptr;
  Block* tail = nullptr;
  std::size_t bytes = 0;

  void push(Block* block) noexcept;
  Block* pop() noexcept;
};

// A zero-copy send whose memory the kernel may still read. Outlives the bytes' place in the queue.
struct ZeroCopySend;

// Links a connection into the list of the parked or of the dead.
struct ConnectionHook : ListHook {};

// Life: (connecting ->) open -> finishing -> dying -> freed. A dying connection asks for nothing
// more; it is freed at the end of the turn in which its last operation has completed, so that no
// completion ever meets a stranger in its slot and no descriptor is reused under an operation.
// How long a peer that takes nothing is given to take what is left for it.
inline constexpr std::chrono::seconds kFlushLimit{60};

class ConnectionState final : public Connection, public ConnectionHook, private TimerNode {
 public:
  ConnectionState(WorkerLoop& loop, File file, Handler& handler) noexcept;

  void set_slot(std::uint32_t slot, std::uint32_t generation) noexcept;
  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] File file() const noexcept { return file_; }

  // Beginnings.
  void begin_connect(const Address& to, std::chrono::milliseconds timeout);
  void begin_open();

  // Completions.
  void connected(const Completion& completion);
  void received(const Completion& completion);
  void sent(const Completion& completion);
  void zero_copy_sent(const Completion& completion, std::uint32_t number, ZeroCopySend& send);

  // Asks for the next receive unless something forbids it.
  void arm_receive();
  // What Connection promises (connection.cpp).
  void enqueue(Buffer buffer);
  void enqueue(std::span<const std::byte> bytes);
  void enqueue_constant(std::span<const std::byte> bytes);
  void finish_sending();
  void close_gently();
  void die(Errc reason);
  void cut(Errc reason);
  void cut_when_sent(Errc reason);
  void pair_with(ConnectionState& other) noexcept;
  [[nodiscard]] bool splice_with(ConnectionState& other) noexcept;
  void pause_receiving();
  void resume_receiving();
  void restart_idle_timer(std::chrono::milliseconds timeout);

  // For the drain: nothing under way for a while and nothing waiting in the kernel. Never true of
  // one of a pair: what the two are silent about, nobody in between knows.
  [[nodiscard]] bool quiet(std::uint64_t since_ns) const noexcept;
  // Closes; what the peer sends all the same is thrown away, and makes it one that was cut. One of
  // a pair is cut, once what is unsent has arrived.
  void close_for_drain();
  // True once, and for one of a pair; not if nothing can be lost any more.
  [[nodiscard]] bool count_as_cut_short() noexcept;
  // The end, called by the worker. The file goes when no operation uses it any more (false until
  // then); the slot when the kernel has also given back the memory of zero-copy sends, which may
  // take the closing of the file.
  bool close_file();
  void bury();
  [[nodiscard]] bool outgoing() const noexcept { return outgoing_; }
  [[nodiscard]] bool dying() const noexcept { return dying_; }
  [[nodiscard]] bool can_be_freed() const noexcept { return file_closed_ && pinned_sends_ == 0; }

  WorkerLoop& loop;
  Handler* handler;
  SendQueue queue;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  bool was_called = false;  // from the queue for buffers, and has received nothing since

 private:
  void expired() override;
  [[nodiscard]] Token token(Op op) const noexcept { return {op, generation_, slot_}; }
  void deliver(Buffer buffer);
  void receive_failed(Errc error);
  void peer_ended();

  void queued_more();
  void start_send();
  void sent_some(const Completion& completion);
  void send_failed(Errc error);
  void after_send(std::size_t count);
  void let_go(Block* block) const noexcept;
  void consume(std::size_t count) noexcept;
  void keep_unsent();
  [[nodiscard]] std::size_t append_copy(std::span<const std::byte> bytes);
  void keep_lease(Block* block);
  void flushed();
  void send_fin();
  void linger();
  void choose_zero_copy();
  bool give_up_zero_copy() noexcept;
  [[nodiscard]] bool suits_zero_copy() const noexcept;
  void start_zero_copy();
  void zero_copy_released(const Completion& completion, std::uint32_t number, ZeroCopySend& send);
  void start_idle_timer(std::chrono::milliseconds timeout);
  [[nodiscard]] std::size_t pending_bytes() const noexcept {
    return queue.bytes + pinned_bytes_ + pipe_bytes_;
  }
  // Whose unsent bytes receiving waits for, and whose receiving waits for ours.
  [[nodiscard]] ConnectionState& other() noexcept {
    return partner_ == nullptr ? *this : *partner_;
  }
  // What is received here can be sent to nobody any more. It is received all the same: who cannot
  // say what it has to say may not listen either, and the partner's last words are for it.
  [[nodiscard]] bool in_vain() const noexcept {
    return partner_ != nullptr && partner_->broken_ != Errc::kNone;
  }
  // The unsent bytes that receiving waits for. Who asks must hear: there it waits for none.
  [[nodiscard]] std::size_t backlog() const noexcept {
    if (partner_ != nullptr) return partner_->pending_bytes();
    return outgoing_ ? 0 : pending_bytes();
  }
  [[nodiscard]] std::uint64_t last_active_ns() const noexcept;
  [[nodiscard]] bool accepts_data() const noexcept;
  void withdraw_operations();
  void settle();
  void unpair() noexcept;
  void await_acknowledgement();
  void cut_pair_for_drain();
  [[nodiscard]] bool all_sent() const noexcept { return queue.head == nullptr && !sending_; }

  // Passing on within the kernel (connection_splice.cpp).
  [[nodiscard]] bool may_splice() const noexcept;
  void await_readable(std::uint32_t credit);
  void splice_on();
  [[nodiscard]] int splice_some(std::uint32_t most);
  void begin_splicing() noexcept;
  void stop_splicing() noexcept;
  void send_pipe(bool woken);
  void unload_pipe();
  void discard_pipe() noexcept;

  File file_;
  os::Pipe pipe_;  // with bytes that leave before the queue's; then a send is under way
  ConnectionState* partner_ = nullptr;  // that the bytes received here are meant for
  std::uint32_t slot_ = 0;
  std::uint32_t generation_ = 0;
  std::uint32_t in_flight_ = 0;     // operations asked for and not completed for good
  std::uint32_t pinned_sends_ = 0;  // zero-copy sends whose memory the kernel may still read
  std::uint32_t pinned_bytes_ = 0;  // sent without a copy, not yet released by the kernel
  std::uint32_t idle_timeout_ms_ = 0;
  std::uint32_t sending_bytes_ = 0;  // what the send under way was asked to take
  std::uint32_t pipe_bytes_ = 0;     // in the pipe
  std::uint32_t splice_credit_ = 0;  // what may be spliced when there is something
  Token sending_token_;
  Block* pinned_ = nullptr;  // while a zero-copy result is handled: the kernel may still read it
  std::uint64_t last_active_ns_ = 0;
  ReceiveHistory history_;
  BufferGroup group_ = BufferGroup::kStream;  // of the last receive
  Errc reason_ = Errc::kNone;
  Errc cut_later_ = Errc::kNone;  // once all is sent, with this reason
  Errc broken_ = Errc::kNone;     // nothing can be sent any more, for this reason
  bool idle_chosen_ = false;      // an idle timeout of its own
  bool outgoing_ = false;         // this side connected
  bool connecting_ = false;
  bool receiving_ = false;         // a receive is under way
  bool sending_ = false;           // a send is under way
  bool blocked_ = false;           // the peer does not keep up; what is unsent is our own copy
  bool paused_ = false;            // by the handler
  bool window_full_ = false;       // drained() is owed
  bool stalled_ = false;           // not receiving because of that
  bool ended_ = false;             // FIN from the peer
  bool finishing_ = false;         // FIN to the peer once all is sent
  bool finished_ = false;          // it was sent
  bool discarding_ = false;        // close(): what still comes is thrown away
  bool draining_ = false;          // it was closed because the worker leaves
  bool cut_short_ = false;         // and had more to say
  bool splices_ = false;           // passes on what it receives within the kernel
  bool splicing_dry_ = false;      // a splice has just found nothing
  bool asked_dry_ = false;         // and the receive under way was told of it
  bool made_nonblocking_ = false;  // for splicing
  bool copies_next_ = false;       // but the next bytes cannot be had in that way
  bool awaits_readable_ = false;   // the receive under way only tells of what is there
  bool dying_ = false;
  bool cut_ = false;  // by this side, with RST
  bool file_closed_ = false;
};

struct ZeroCopySend {
  ConnectionState* owner = nullptr;
  Block* block = nullptr;  // set once the bytes have left the queue
  std::uint32_t bytes = 0;
};

}  // namespace ouro::engine
