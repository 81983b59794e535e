// The yardstick: a TCP echo with liburing and nothing between, as fast as one thread can be made.
//
//   bare_echo --port N --mode request|stream
//
// request: multishot receives into a ring of small buffers that stays in the cache.
// stream:  single-shot receives into large buffers, the one used last given out first.
//
// What it lacks is the engine's work: limits per connection, timers, other kernels, statistics.
// It is correct all the same: short sends are resumed, and a connection closes after its last byte.
#include <liburing.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "peers/peer.h"

namespace {

constexpr unsigned kMaxConnections = 16'384;
constexpr unsigned kAccepts = 16;  // in flight: a storm of connects takes turns with the rest
constexpr unsigned kSubmissions = 1024;
constexpr unsigned kCompletions = 32'768;
constexpr unsigned kHugePage = 2u << 20;
constexpr std::uint16_t kGroup = 1;
constexpr std::uint32_t kNone = ~0u;

enum class Mode : std::uint8_t { kRequest, kStream };
enum class Step : std::uint8_t { kAccept, kReceive, kSend, kClose };

struct Layout {
  unsigned count;
  unsigned stride;
  unsigned size;
};
// Together one huge page, which is at most twice the second-level cache.
constexpr Layout kSmall{.count = 512, .stride = 4096, .size = 4096};
// As many as connections; only those in use are ever touched. Not the full 64 KiB: on loopback a
// segment holds 65,483 bytes, and the 53 left over would cost as much as a segment of their own.
constexpr Layout kLarge{.count = kMaxConnections, .stride = 64 * 1024, .size = 60 * 1024};

struct Buffer {
  std::uint32_t size = 0;
  std::uint32_t next = kNone;
};

struct Connection {
  std::uint32_t first = kNone;  // buffers received and not yet sent, in order
  std::uint32_t last = kNone;
  std::uint32_t sent = 0;           // of the first
  std::uint32_t receiving = kNone;  // stream: the buffer a receive fills
  bool armed = false;
  bool parked = false;
  bool sending = false;
  bool ended = false;   // nothing more comes in
  bool broken = false;  // nothing more goes out
};

[[noreturn]] void fail(const char* what, int error) {
  std::fprintf(stderr, "bare_echo: %s: %s\n", what, std::strerror(error));
  std::exit(1);
}

class Echo {
 public:
  Echo(std::uint16_t port, Mode mode);
  [[noreturn]] void run();

 private:
  void make_ring();
  void make_buffers();
  io_uring_sqe* sqe(Step step, std::uint32_t slot);
  void accept();
  void receive(std::uint32_t slot);
  void resume_parked();
  void send_first(std::uint32_t slot);
  void close_if_done(std::uint32_t slot);
  void on_completion(const io_uring_cqe& cqe);
  void on_received(std::uint32_t slot, const io_uring_cqe& cqe);
  void on_sent(std::uint32_t slot, int result);
  void append(std::uint32_t slot, std::uint32_t buffer, std::uint32_t size);
  void drop_first(std::uint32_t slot);
  void give_back(std::uint32_t buffer);
  [[nodiscard]] char* data(std::uint32_t buffer) const {
    return memory_ + std::size_t{buffer} * layout_.stride;
  }

  const Mode mode_;
  const Layout layout_;
  const unsigned limit_;  // of connections
  int listener_;
  io_uring ring_{};
  io_uring_buf_ring* buffer_ring_ = nullptr;  // request
  char* memory_ = nullptr;
  std::vector<Buffer> buffers_;
  std::vector<std::uint32_t> free_;    // stream: last in, first out
  unsigned available_ = 0;             // request: in the buffer ring
  std::vector<std::uint32_t> parked_;  // request: waiting for a buffer, in order
  std::vector<Connection> connections_;
};

// The kernel refuses a file table larger than the limit on open files.
unsigned connection_limit() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return static_cast<unsigned>(std::min<rlim_t>(files.rlim_cur, kMaxConnections));
}

Echo::Echo(std::uint16_t port, Mode mode)
    : mode_(mode),
      layout_(mode == Mode::kRequest ? kSmall : kLarge),
      limit_(connection_limit()),
      listener_(peers::listening_socket(port)),
      buffers_(layout_.count),
      connections_(limit_) {
  make_ring();
  make_buffers();
  for (unsigned i = 0; i < kAccepts; ++i) accept();
}

void Echo::make_ring() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE | IORING_SETUP_NO_SQARRAY;
  params.cq_entries = kCompletions;
  int result = io_uring_queue_init_params(kSubmissions, &ring_, &params);
  if (result == -EINVAL) {
    params.flags &= ~IORING_SETUP_NO_SQARRAY;  // from 6.6
    result = io_uring_queue_init_params(kSubmissions, &ring_, &params);
  }
  if (result < 0) fail("io_uring", -result);
  result = io_uring_register_ring_fd(&ring_);
  if (result < 0) fail("registering the ring", -result);
  result = io_uring_register_files_sparse(&ring_, limit_);
  if (result < 0) fail("registering files", -result);
}

void Echo::make_buffers() {
  const std::size_t size = std::size_t{layout_.count} * layout_.stride;
  memory_ = static_cast<char*>(std::aligned_alloc(kHugePage, size));
  if (memory_ == nullptr) fail("memory", errno);
  madvise(memory_, size, MADV_HUGEPAGE);
  if (mode_ == Mode::kRequest) {
    int error = 0;
    buffer_ring_ = io_uring_setup_buf_ring(&ring_, layout_.count, kGroup, 0, &error);
    if (buffer_ring_ == nullptr) fail("buffer ring", -error);
  }
  for (std::uint32_t i = layout_.count; i-- > 0;) give_back(i);
}

io_uring_sqe* Echo::sqe(Step step, std::uint32_t slot) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  if (sqe == nullptr) fail("submission queue", EBUSY);
  sqe->user_data = static_cast<std::uint64_t>(step) << 56 | slot;
  return sqe;
}

void Echo::accept() {
  io_uring_prep_accept_direct(sqe(Step::kAccept, 0), listener_, nullptr, nullptr, 0,
                              IORING_FILE_INDEX_ALLOC);
}

void Echo::receive(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  io_uring_sqe* sqe = this->sqe(Step::kReceive, slot);
  const int fd = static_cast<int>(slot);
  if (mode_ == Mode::kRequest) {
    io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = kGroup;
  } else {
    connection.receiving = free_.back();  // one for each connection: never empty
    free_.pop_back();
    io_uring_prep_recv(sqe, fd, data(connection.receiving), layout_.size, 0);
  }
  sqe->flags |= IOSQE_FIXED_FILE;
  connection.armed = true;
  connection.parked = false;
}

// A receive that found the buffer ring empty has ended. It goes on, first come first served, when
// there is a buffer for it.
void Echo::resume_parked() {
  const auto count = std::min<std::size_t>(parked_.size(), available_);
  for (std::size_t i = 0; i < count; ++i) {
    if (connections_[parked_[i]].parked) receive(parked_[i]);
  }
  parked_.erase(parked_.begin(), parked_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Echo::send_first(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  const Buffer& buffer = buffers_[connection.first];
  io_uring_sqe* sqe = this->sqe(Step::kSend, slot);
  io_uring_prep_send(sqe, static_cast<int>(slot), data(connection.first) + connection.sent,
                     buffer.size - connection.sent, MSG_WAITALL | MSG_NOSIGNAL);
  sqe->flags |= IOSQE_FIXED_FILE;
  connection.sending = true;
}

void Echo::close_if_done(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  if (!connection.ended || connection.armed || connection.sending || connection.first != kNone) {
    return;
  }
  io_uring_sqe* sqe = this->sqe(Step::kClose, slot);
  io_uring_prep_close_direct(sqe, slot);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  connection = {};
}

void Echo::append(std::uint32_t slot, std::uint32_t buffer, std::uint32_t size) {
  Connection& connection = connections_[slot];
  buffers_[buffer] = {.size = size, .next = kNone};
  (connection.first == kNone ? connection.first : buffers_[connection.last].next) = buffer;
  connection.last = buffer;
}

void Echo::drop_first(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  const std::uint32_t buffer = connection.first;
  connection.first = buffers_[buffer].next;
  connection.sent = 0;
  give_back(buffer);
}

void Echo::give_back(std::uint32_t buffer) {
  if (mode_ == Mode::kStream) return free_.push_back(buffer);
  io_uring_buf_ring_add(buffer_ring_, data(buffer), layout_.size,
                        static_cast<std::uint16_t>(buffer), io_uring_buf_ring_mask(kSmall.count),
                        0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
  ++available_;
}

void Echo::on_received(std::uint32_t slot, const io_uring_cqe& cqe) {
  Connection& connection = connections_[slot];
  connection.armed = (cqe.flags & IORING_CQE_F_MORE) != 0;
  std::uint32_t buffer = std::exchange(connection.receiving, kNone);
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    buffer = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
    --available_;
  }
  const bool useful = cqe.res > 0 && !connection.broken;
  if (useful)
    append(slot, buffer, static_cast<std::uint32_t>(cqe.res));
  else if (buffer != kNone)
    give_back(buffer);
  if (useful && !connection.sending) send_first(slot);
  if (cqe.res <= 0 && cqe.res != -ENOBUFS) connection.ended = true;
  if (cqe.res == -ENOBUFS) {
    connection.parked = true;
    parked_.push_back(slot);
  } else if (mode_ == Mode::kRequest && !connection.armed && !connection.ended) {
    receive(slot);
  }
  close_if_done(slot);
}

void Echo::on_sent(std::uint32_t slot, int result) {
  Connection& connection = connections_[slot];
  connection.sending = false;
  if (result < 0) {  // the peer reset: a receive that is armed ends by itself
    connection.broken = connection.ended = true;
    while (connection.first != kNone) drop_first(slot);
    return close_if_done(slot);
  }
  connection.sent += static_cast<std::uint32_t>(result);
  if (connection.sent == buffers_[connection.first].size) drop_first(slot);
  if (connection.first != kNone) return send_first(slot);
  if (mode_ == Mode::kStream && !connection.ended) return receive(slot);
  close_if_done(slot);
}

void Echo::on_completion(const io_uring_cqe& cqe) {
  const auto slot = static_cast<std::uint32_t>(cqe.user_data);
  switch (static_cast<Step>(cqe.user_data >> 56)) {
    case Step::kAccept:
      // A full table refuses the client it accepted: a yardstick is not asked for more.
      if (cqe.res >= 0) receive(static_cast<std::uint32_t>(cqe.res));
      return accept();
    case Step::kReceive:
      return on_received(slot, cqe);
    case Step::kSend:
      return on_sent(slot, cqe.res);
    case Step::kClose:
      return;
  }
}

void Echo::run() {
  for (;;) {
    resume_parked();
    const int result = io_uring_submit_and_wait(&ring_, 1);
    if (result < 0 && result != -EINTR && result != -EBUSY) fail("io_uring_enter", -result);
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      on_completion(*cqe);
      ++count;
    }
    io_uring_cq_advance(&ring_, count);
  }
}

[[noreturn]] void usage() {
  std::fputs("usage: bare_echo --port N --mode request|stream\n", stderr);
  std::exit(2);
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string_view> words(arguments + 1, arguments + count);
  if (words.size() != 4 || words[0] != "--port" || words[2] != "--mode") usage();
  if (words[3] != "request" && words[3] != "stream") usage();
  const int port = std::atoi(arguments[2]);
  if (port < 1 || port > 65535) usage();
  Echo echo(static_cast<std::uint16_t>(port),
            words[3] == "request" ? Mode::kRequest : Mode::kStream);
  std::printf("bare_echo: %s on 127.0.0.1:%d\n", arguments[4], port);
  std::fflush(stdout);
  echo.run();
}
