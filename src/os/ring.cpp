#include "os/ring.h"

#include <cerrno>
#include <ctime>

#include "base/check.h"

namespace ouro::os {
namespace {

// What the flags mean is in ARCHITECTURE.md. Some need each other, some exclude each other.
unsigned setup_flags(const RingOptions& options, const Features& features) noexcept {
  unsigned flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
  if (features.submit_all) flags |= IORING_SETUP_SUBMIT_ALL;
  if (features.single_issuer) flags |= IORING_SETUP_SINGLE_ISSUER;
  if (features.no_sqarray) flags |= IORING_SETUP_NO_SQARRAY;
  if (options.submission_thread) return flags | IORING_SETUP_SQPOLL;
  if (options.task_run == TaskRun::kNone) return flags;
  if (features.coop_taskrun) flags |= IORING_SETUP_COOP_TASKRUN;
  if (features.taskrun_flag) flags |= IORING_SETUP_TASKRUN_FLAG;
  const bool defer = options.task_run == TaskRun::kDefer && features.defer_taskrun;
  return defer ? flags | IORING_SETUP_DEFER_TASKRUN : flags;
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& options, const Features& features) {
  std::unique_ptr<Ring> ring(new Ring(options));
  int result = ring->set_up(features);
  // The kernel gives back the locked memory of a closed ring some milliseconds later: that of a
  // predecessor may still be charged to the user.
  constexpr int kTries = 10;
  constexpr timespec kPause{0, 10'000'000};
  for (int i = 1; i < kTries && result == -ENOMEM; ++i) {
    ::nanosleep(&kPause, nullptr);
    result = ring->set_up(features);
  }
  // Locked memory or contiguous pages may be short for good: a smaller ring still works.
  while (result == -ENOMEM && ring->options_.completions > 512) {
    ring->options_.completions /= 2;
    ring->options_.submissions = ring->options_.submissions > 64 ? 64 : 32;
    result = ring->set_up(features);
  }
  if (result < 0) return fail_errno("cannot make an io_uring", -result);
  ring->made_ = true;
  ring->registered_ = features.registered_ring;
  if (options.fixed_files > 0) {
    const int registered = io_uring_register_files_sparse(&ring->ring_, options.fixed_files);
    if (registered < 0) return fail_errno("cannot make a table of fixed files", -registered);
  }
  return ring;
}

int Ring::set_up(const Features& features) noexcept {
  io_uring_params parameters{};
  parameters.flags = setup_flags(options_, features);
  parameters.cq_entries = options_.completions;
  parameters.sq_thread_idle = 5;  // milliseconds
  return io_uring_queue_init_params(options_.submissions, &ring_, &parameters);
}

Ring::~Ring() {
  if (!made_) return;
  if (options_.submission_thread) wait_until_taken();
  io_uring_queue_exit(&ring_);
}

// The submission thread takes entries when it gets to it, and closes among them must not be lost.
void Ring::wait_until_taken() noexcept {
  constexpr int kTries = 1000;
  constexpr timespec kPause{0, 1'000'000};
  for (int i = 0; i < kTries && io_uring_sq_ready(&ring_) > 0; ++i) {
    io_uring_submit(&ring_);
    ::nanosleep(&kPause, nullptr);
  }
}

void Ring::allow(unsigned opcode) noexcept {
  OURO_CHECK(allowed_count_ < kOpcodesMax);
  allowed_[allowed_count_++] = opcode;
}

Result<void> Ring::start() {
  // Spares each system call a look-up of the descriptor; where it fails all works as well.
  if (registered_) io_uring_register_ring_fd(&ring_);
  if (options_.restricted) {
    if (auto done = restrict_operations(); !done) return done;
  }
  const int enabled = io_uring_enable_rings(&ring_);
  if (enabled < 0) return fail_errno("cannot enable the io_uring", -enabled);
  return {};
}

// After this the ring does what the engine needs and nothing else: no opening of files, no
// commands, no further registrations.
Result<void> Ring::restrict_operations() {
  io_uring_restriction rules[kOpcodesMax + 2] = {};
  unsigned count = 0;
  for (; count < allowed_count_; ++count) {
    rules[count].opcode = IORING_RESTRICTION_SQE_OP;
    rules[count].sqe_op = static_cast<std::uint8_t>(allowed_[count]);
  }
  rules[count].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  rules[count].sqe_flags =
      IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  rules[++count].opcode = IORING_RESTRICTION_REGISTER_OP;  // what closing a registered ring needs
  rules[count].register_op = IORING_UNREGISTER_RING_FDS;
  const int result = io_uring_register_restrictions(&ring_, rules, count + 1);
  if (result < 0) return fail_errno("cannot restrict the io_uring", -result);
  return {};
}

io_uring_sqe* Ring::entry() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe != nullptr) [[likely]]
    return sqe;
  // -EBUSY and -EAGAIN pass when completions are reaped, which cannot be done from here: the
  // kernel keeps what overflows, so asking again with GETEVENTS makes room.
  constexpr int kTriesMax = 1000;
  for (int i = 0; sqe == nullptr && i < kTriesMax; ++i) {
    ++extra_submits_;
    if (io_uring_submit(&ring_) < 0) io_uring_get_events(&ring_);
    if (options_.submission_thread) io_uring_sqring_wait(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  OURO_CHECK(sqe != nullptr);
  return sqe;
}

void Ring::submit_and_wait(std::uint64_t wait_ns) noexcept {
  int result = 0;
  if (wait_ns == 0) {
    result = io_uring_submit_and_get_events(&ring_);
  } else if (wait_ns == kForever) {
    result = io_uring_submit_and_wait(&ring_, 1);
  } else {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    __kernel_timespec limit{};
    limit.tv_sec = static_cast<std::int64_t>(wait_ns / kSecond);
    limit.tv_nsec = static_cast<std::int64_t>(wait_ns % kSecond);
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
  }
  // -ETIME: the deadline. -EINTR: a signal. -EBUSY, -EAGAIN: reap first; what was not taken stays
  // prepared and goes with the next turn. -EBADR: a completion was lost for good, and with it the
  // truth about some connection: only a new process can mend that.
  OURO_CHECK(result != -EBADR && result != -EBADF && result != -EEXIST);
}

bool Ring::overflowed() const noexcept { return io_uring_cq_has_overflow(&ring_) != 0; }

}  // namespace ouro::os
