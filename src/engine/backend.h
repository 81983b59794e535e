// The one seam between the engine and the kernel: operations go in, completions come out.
//
// Completions are the common vocabulary. UringBackend hands operations to the kernel; EpollBackend
// waits for readiness and does them itself; the simulator plays both kernel and network. Who asks
// for an operation names it with a Token and keeps whatever memory it lends alive until the last
// completion with that token.
#pragma once

#include <cstdint>
#include <memory>

#include "ouro/address.h"
#include "ouro/buffer.h"
#include "ouro/counters.h"
#include "ouro/error.h"
#include "ouro/options.h"

namespace ouro::engine {

using detail::Block;
using detail::BufferPool;

enum class Op : std::uint8_t {
  kNone,
  kAccept,
  kConnect,
  kReceive,
  kSend,
  kSendZeroCopy,
  kPoll,
  kLinkedPoll,  // the first half of a receive that was asked for as two
};

// op:8 | generation:24 | slot:32. The generation tells a late completion for a former occupant of
// the slot from one for the present occupant.
struct Token {
  std::uint64_t bits = 0;

  Token() = default;
  explicit Token(std::uint64_t raw) noexcept : bits(raw) {}
  Token(Op op, std::uint32_t generation, std::uint32_t slot) noexcept
      : bits(std::uint64_t{static_cast<std::uint8_t>(op)} << 56 |
             std::uint64_t{generation & 0xffffffu} << 32 | slot) {}

  [[nodiscard]] Op op() const noexcept { return static_cast<Op>(bits >> 56); }
  [[nodiscard]] std::uint32_t generation() const noexcept { return bits >> 32 & 0xffffffu; }
  [[nodiscard]] std::uint32_t slot() const noexcept { return static_cast<std::uint32_t>(bits); }
};

// A descriptor, or a number in the ring's own table of fixed files.
struct File {
  int number = -1;
  bool direct = false;
};

// Which pool a receive takes its buffer from. Backends with one pool treat all alike.
enum class BufferGroup : std::uint8_t { kStream, kSmall, kZeroCopy };
inline constexpr std::size_t kBufferGroups = 3;

struct ReceiveRequest {
  std::uint32_t credit = 0;  // at most so many bytes; a multishot may overshoot by one buffer
  bool multishot = false;    // goes on until the credit is used up, if the backend can limit it
  bool poll_first = false;   // nothing is expected to be there yet
  BufferGroup group = BufferGroup::kStream;
  // Only tells, by completing, that there is something: bytes, an end or an error. Nothing is
  // taken.
  bool ready_only = false;
  bool dry = false;  // and the last call has found nothing
};

struct SendRequest {
  Block* first = nullptr;  // a list of `blocks` blocks, linked by next
  std::uint32_t blocks = 0;
  bool wait = false;       // wait until the peer takes something; else take what goes now
  bool zero_copy = false;  // one block of the zero-copy group
  // Only tells, by completing, that there is room, or nobody to take it. No blocks.
  bool ready_only = false;
  bool full = false;  // the last call has found no room, and not for lack of memory
};

struct Completion {
  Token token;
  Errc error = Errc::kNone;
  bool more = false;       // the operation goes on: another completion will come
  bool notified = false;   // zero-copy: the memory is ours again (result is not a byte count)
  bool copied = false;     // zero-copy: the kernel copied after all
  int result = 0;          // bytes, or the accepted file
  Block* block = nullptr;  // received bytes; the receiver of the completion owns it
};

class CompletionSink {
 public:
  virtual void complete(const Completion& completion) = 0;

 protected:
  ~CompletionSink() = default;
};

// What a backend can do; fixed once it is made.
struct BackendTraits {
  const char* name = "";
  bool multishot_receive = false;           // at all
  bool receive_limit = false;               // a multishot ends when its credit is used up
  bool accepts_in_kernel = false;           // an accept takes a connection without our doing
  bool direct_files = false;                // accepted files are fixed files
  bool ready_only = false;                  // requests of that kind are possible
  bool ready_once = false;                  // and need to know when a call has found nothing
  bool blocking_files = false;              // whose own calls would wait
  bool zero_copy = false;                   // the zero-copy group exists
  std::size_t files_max = ~std::size_t{0};  // connections that fit a table of fixed files
};

inline constexpr std::uint64_t kForever = ~std::uint64_t{0};  // for wait()

// How many blocks one send gathers at the most.
inline constexpr std::uint32_t kSendBlocksMax = 16;

// Operations never complete inside the call that asks for them: completions come from dispatch().
// One receive and one send may be under way on a file at a time.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual void accept(Token token, File listener) = 0;
  virtual void connect(Token token, File file, const Address& address) = 0;
  virtual void receive(Token token, File file, const ReceiveRequest& request) = 0;
  virtual void send(Token token, File file, const SendRequest& request) = 0;
  // Completes once, when the descriptor is readable.
  virtual void poll(Token token, int fd) = 0;
  // Withdraws every operation of that name. They complete with kCancelled, or as they would have.
  virtual void cancel(Token token, File file) = 0;
  // The file is closed. No operation of it may be under way.
  virtual void close(File file) = 0;
  // Makes a descriptor from elsewhere known.
  [[nodiscard]] virtual File adopt(int fd) = 0;

  // Hands over what was asked for and waits until something completes, at most this long; 0: does
  // not wait.
  virtual void wait(std::uint64_t wait_ns) = 0;
  // Tells the sink what has completed. New operations may be asked for meanwhile.
  virtual void dispatch(CompletionSink& sink) = 0;
  // How many receives from this group would find a buffer now.
  [[nodiscard]] virtual std::size_t spare_buffers(BufferGroup group) const noexcept = 0;
  // Gives memory back that bursts have left behind; called about once a second.
  virtual void trim() noexcept = 0;
  [[nodiscard]] virtual std::size_t pool_bytes() const noexcept = 0;
  [[nodiscard]] virtual const BackendTraits& traits() const noexcept = 0;

  // Small calls that need no waiting; here so that a simulator can answer them.
  [[nodiscard]] virtual std::uint64_t now_ns() noexcept;
  [[nodiscard]] virtual Result<File> open_for_connect(const Address& address,
                                                      const ConnectOptions& options) = 0;
  [[nodiscard]] virtual int accept_now(int listening_fd) = 0;  // a known descriptor, or -errno
  virtual void shutdown_write(File file) noexcept;
  virtual void reset_on_close(File file) noexcept;
  [[nodiscard]] virtual std::size_t unread_bytes(File file) noexcept;
  // Sent, and not known to have reached the peer's machine.
  [[nodiscard]] virtual std::size_t unacknowledged_bytes(File file) noexcept;
  [[nodiscard]] virtual Address local_address(File file) noexcept;
  [[nodiscard]] virtual Address peer_address(File file) noexcept;
};

// Chooses and makes the backend. `reason` gets the words why io_uring was not taken under kAuto.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_backend(const WorkerOptions& options,
                                                            Counters& counters,
                                                            std::string& reason);

}  // namespace ouro::engine
