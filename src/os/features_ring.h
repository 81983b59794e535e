// A small ring to try things on. Part of the feature trials.
//
// Every wait has a limit, and a request that was not answered within it is cancelled: nothing is in
// flight after answer() or until_end(), whatever the kernel does.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ouro::os::trial {

inline constexpr unsigned kSubmissions = 8;
inline constexpr unsigned kCompletions = 512;
// What is tried completes at once or never; this is for a machine that stalls.
inline constexpr std::uint64_t kAnswerLimitNs = 100'000'000;
// The sum of all waits on one ring.
inline constexpr std::uint64_t kRingLimitNs = 500'000'000;

struct Answer {
  int result = 0;  // what the completion said, or the -errno of entering; -ETIME: nothing came
  unsigned flags = 0;

  [[nodiscard]] bool more() const noexcept { return (flags & IORING_CQE_F_MORE) != 0; }
  [[nodiscard]] unsigned buffer() const noexcept { return flags >> IORING_CQE_BUFFER_SHIFT; }
};

// Names a started request.
using Request = std::uint64_t;

class TrialRing {
 public:
  TrialRing() = default;
  TrialRing(const TrialRing&) = delete;
  TrialRing& operator=(const TrialRing&) = delete;
  ~TrialRing();

  // 0 or -errno. Once.
  [[nodiscard]] int open(unsigned setup_flags, unsigned completions = kCompletions);
  [[nodiscard]] io_uring& raw() noexcept { return ring_; }

  // A blank submission, to be prepared and handed to start() or ask() before the next.
  [[nodiscard]] io_uring_sqe* sqe() noexcept;
  // Enters the kernel only at the next turn().
  [[nodiscard]] Request start(io_uring_sqe* prepared) noexcept;
  // One entering of the kernel: submits, waits for one completion, collects all that are there.
  // -ETIME when none came, another -errno when the kernel does not let us in.
  int turn();
  // How many answers of `request` were collected and not yet taken.
  [[nodiscard]] std::size_t collected(Request request) const noexcept;
  // The next answer of `request`.
  [[nodiscard]] Answer answer(Request request);
  // All its answers up to the one that ends it.
  [[nodiscard]] std::vector<Answer> until_end(Request request);
  [[nodiscard]] Answer ask(io_uring_sqe* prepared) { return answer(start(prepared)); }
  // Ends whatever is in flight. What that has to say is collected.
  void cancel_all();

 private:
  struct Collected {
    Request request = 0;
    Answer answer;
  };

  void collect_completions();
  [[nodiscard]] bool take(Request request, Answer& into);

  io_uring ring_{};
  bool open_ = false;
  int broken_ = 0;  // why the kernel does not let us in; nothing is tried any more
  Request last_request_ = 0;
  unsigned in_flight_ = 0;
  std::uint64_t deadline_ns_ = 0;
  std::vector<Collected> collected_;
};

// A ring of provided buffers on a trial ring, registered as group kBufferGroup and full at first.
inline constexpr int kBufferGroup = 1;

class TrialBuffers {
 public:
  TrialBuffers(TrialRing& ring, unsigned count, unsigned size);
  TrialBuffers(const TrialBuffers&) = delete;
  TrialBuffers& operator=(const TrialBuffers&) = delete;
  ~TrialBuffers();

  [[nodiscard]] int error() const noexcept { return error_; }  // 0 or -errno
  [[nodiscard]] const char* data(unsigned buffer) const noexcept;

 private:
  TrialRing& ring_;
  io_uring_buf_ring* buffers_ = nullptr;
  unsigned count_;
  unsigned size_;
  int error_ = 0;
  std::vector<char> memory_;
};

// A receive from `fd` into a buffer that the kernel picks. `limit` bytes end it; 0: no limit.
[[nodiscard]] io_uring_sqe* receive(TrialRing& ring, int fd);
[[nodiscard]] io_uring_sqe* receive_multishot(TrialRing& ring, int fd, unsigned limit);

}  // namespace ouro::os::trial
