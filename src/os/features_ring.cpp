#include "os/features_ring.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "os/clock.h"

namespace ouro::os::trial {

TrialRing::~TrialRing() {
  if (!open_) return;
  cancel_all();
  ::io_uring_queue_exit(&ring_);
}

int TrialRing::open(unsigned setup_flags, unsigned completions) {
  OURO_CHECK(!open_);
  io_uring_params params{};
  params.flags = setup_flags | IORING_SETUP_CQSIZE;
  params.cq_entries = completions;
  const int error = ::io_uring_queue_init_params(kSubmissions, &ring_, &params);
  open_ = error == 0;
  deadline_ns_ = now_ns() + kRingLimitNs;
  return error;
}

io_uring_sqe* TrialRing::sqe() noexcept {
  io_uring_sqe* blank = ::io_uring_get_sqe(&ring_);
  OURO_CHECK(blank != nullptr);
  return blank;
}

Request TrialRing::start(io_uring_sqe* prepared) noexcept {
  prepared->user_data = ++last_request_;
  ++in_flight_;
  return last_request_;
}

int TrialRing::turn() {
  if (broken_ != 0) return broken_;
  const std::uint64_t now = now_ns();
  const std::uint64_t limit = std::min(deadline_ns_ - std::min(now, deadline_ns_), kAnswerLimitNs);
  __kernel_timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long long>(limit)};
  io_uring_cqe* completion = nullptr;
  const int entered = ::io_uring_submit_and_wait_timeout(&ring_, &completion, 1, &timeout, nullptr);
  collect_completions();
  if (entered >= 0 || entered == -EINTR) return 0;
  if (entered != -ETIME) broken_ = entered;
  return entered;
}

// Not with io_uring_peek_cqe(): that enters the kernel again whenever the queue is empty and more
// completion work is pending.
void TrialRing::collect_completions() {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* completion = nullptr;
  io_uring_for_each_cqe(&ring_, head, completion) {
    const Answer answer{completion->res, completion->flags};
    collected_.push_back({completion->user_data, answer});
    if (!answer.more()) --in_flight_;
    ++count;
  }
  ::io_uring_cq_advance(&ring_, count);
}

std::size_t TrialRing::collected(Request request) const noexcept {
  return static_cast<std::size_t>(std::ranges::count(collected_, request, &Collected::request));
}

bool TrialRing::take(Request request, Answer& into) {
  const auto found = std::ranges::find(collected_, request, &Collected::request);
  if (found == collected_.end()) return false;
  into = found->answer;
  collected_.erase(found);
  return true;
}

Answer TrialRing::answer(Request request) {
  Answer answer;
  const std::uint64_t limit_ns = now_ns() + kAnswerLimitNs;
  while (!take(request, answer)) {
    int entered = turn();
    if (entered == 0 && now_ns() >= limit_ns) entered = -ETIME;
    if (entered == 0) continue;
    cancel_all();
    // What was cancelled has no result of its own, unless it got through after all.
    return take(request, answer) && answer.result >= 0 ? answer : Answer{entered, 0};
  }
  return answer;
}

std::vector<Answer> TrialRing::until_end(Request request) {
  std::vector<Answer> answers;
  do {
    answers.push_back(answer(request));
  } while (answers.back().more());
  return answers;
}

void TrialRing::cancel_all() {
  constexpr int kTurnsMax = 4;
  if (in_flight_ == 0 || broken_ != 0) return;
  io_uring_sqe* cancel = sqe();
  ::io_uring_prep_cancel64(cancel, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  const Request request = start(cancel);
  for (int turns = 0; in_flight_ > 0 && turns < kTurnsMax; ++turns) {
    if (turn() != 0) break;
  }
  Answer ignored;
  static_cast<void>(take(request, ignored));
}

TrialBuffers::TrialBuffers(TrialRing& ring, unsigned count, unsigned size)
    : ring_(ring), count_(count), size_(size), memory_(std::size_t{count} * size) {
  buffers_ = ::io_uring_setup_buf_ring(&ring.raw(), count, kBufferGroup, 0, &error_);
  if (buffers_ == nullptr) return;
  const int mask = ::io_uring_buf_ring_mask(count);
  for (unsigned i = 0; i < count; ++i) {
    ::io_uring_buf_ring_add(buffers_, memory_.data() + std::size_t{i} * size, size,
                            static_cast<unsigned short>(i), mask, static_cast<int>(i));
  }
  ::io_uring_buf_ring_advance(buffers_, static_cast<int>(count));
}

TrialBuffers::~TrialBuffers() {
  if (buffers_ == nullptr) return;
  ring_.cancel_all();
  ::io_uring_free_buf_ring(&ring_.raw(), buffers_, count_, kBufferGroup);
}

const char* TrialBuffers::data(unsigned buffer) const noexcept {
  return buffer < count_ ? memory_.data() + std::size_t{buffer} * size_ : memory_.data();
}

io_uring_sqe* receive(TrialRing& ring, int fd) {
  io_uring_sqe* sqe = ring.sqe();
  ::io_uring_prep_recv(sqe, fd, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  return sqe;
}

io_uring_sqe* receive_multishot(TrialRing& ring, int fd, unsigned limit) {
  io_uring_sqe* sqe = receive(ring, fd);
  sqe->ioprio |= IORING_RECV_MULTISHOT;
  sqe->optlen = limit;
  return sqe;
}

}  // namespace ouro::os::trial
