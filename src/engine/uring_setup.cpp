// How the io_uring backend comes to be: what was asked for is held against what the kernel can do.
#include <algorithm>

#include "engine/uring_backend.h"
#include "os/socket.h"

namespace ouro::engine {
namespace {

constexpr std::size_t kStreamBuffer = ReceivePolicy::kCreditAlone;
constexpr std::size_t kStreamBuffersMax = 512;
constexpr std::size_t kSmallBuffersMax = 4096;
constexpr std::size_t kZeroCopyBuffers = 64;  // 4 MiB of locked memory
constexpr std::size_t kPlentyLocked = std::size_t{64} << 20;
constexpr std::size_t kFixedFilesMax = 65536;
// Entries kept free: an accept that finds the table full throws its client away.
constexpr std::size_t kFixedFilesSpare = 64;

Result<void> check_laboratory(const LaboratoryOptions& options, const os::Features& features) {
  const bool multishot = options.receive == ReceiveMode::kMultishot;
  if (multishot && options.operation != OperationVariant::kRecv) {
    return fail(Errc::kUnsupported, "multishot receive exists for the recv operation only");
  }
  if (multishot && !features.multishot_receive) {
    return fail(Errc::kUnsupported, "this kernel has no multishot receive");
  }
  if (options.zero_copy == ZeroCopy::kOn && !features.send_zero_copy) {
    return fail(Errc::kUnsupported, "this kernel has no zero-copy send");
  }
  if (options.zero_copy == ZeroCopy::kOn && options.operation != OperationVariant::kRecv) {
    return fail(Errc::kUnsupported, "zero-copy exists for the send operation only");
  }
  if (options.fixed_files && !features.direct_accept) {
    const auto* line = os::find_line(features, "direct_accept");
    return fail(Errc::kUnsupported, "no fixed files on this kernel: " + line->why);
  }
  if (options.submission_thread && options.task_run != TaskRun::kNone) {
    return fail(Errc::kUnsupported,
                "a submission thread runs completion work itself: it needs task-run mode none");
  }
  if (options.accept == AcceptMode::kMultishot && !features.multishot_accept) {
    return fail(Errc::kUnsupported, "this kernel has no multishot accept");
  }
  if (options.fixed_files && options.accept == AcceptMode::kPoll) {
    return fail(Errc::kUnsupported, "only an accept operation can accept into fixed files");
  }
  if (options.task_run == TaskRun::kDefer && !options.submission_thread &&
      !features.defer_taskrun && options.fixed_files) {
    return fail(Errc::kUnsupported, "this kernel cannot defer completion work");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Backend>> UringBackend::create(const WorkerOptions& options,
                                                      const os::Features& features,
                                                      Counters& counters) {
  if (auto possible = check_laboratory(options.laboratory, features); !possible) {
    return std::unexpected(possible.error());
  }
  std::unique_ptr<UringBackend> backend(new UringBackend(options, counters));
  if (auto done = backend->set_up(features); !done) return std::unexpected(done.error());
  return backend;
}

Result<void> UringBackend::set_up(const os::Features& features) {
  os::RingOptions ring;
  ring.task_run = laboratory_.task_run;
  ring.submission_thread = laboratory_.submission_thread;
  ring.restricted = laboratory_.restrictions && features.restrictions;
  if (laboratory_.fixed_files) {
    const std::size_t files = std::min(kFixedFilesMax, os::open_files_max());
    if (files <= kFixedFilesSpare) {
      return fail(Errc::kUnsupported, "too few files may be open for a table of fixed files");
    }
    ring.fixed_files = static_cast<unsigned>(files);
    traits_.files_max = files - std::min(files, kFixedFilesSpare);
  }
  auto made = os::Ring::create(ring, features);
  if (!made) return std::unexpected(made.error());
  ring_ = std::move(*made);
  gathers_.resize(ring.submissions);
  connecting_.resize(ring.submissions);
  traits_.name = "uring";
  traits_.accepts_in_kernel = true;
  traits_.direct_files = laboratory_.fixed_files;
  // A read or write on a non-blocking file does not wait, and a fixed one cannot be spliced.
  traits_.ready_only = !laboratory_.fixed_files && laboratory_.operation == OperationVariant::kRecv;
  traits_.blocking_files = true;
  // Without a limit by credit, only deferred work stops a multishot after a bounded number.
  const bool deferred = features.defer_taskrun && laboratory_.task_run == TaskRun::kDefer;
  const bool bounded = features.receive_limit || (features.receive_bounded && deferred) ||
                       laboratory_.receive == ReceiveMode::kMultishot;
  traits_.multishot_receive =
      features.multishot_receive && bounded && laboratory_.operation == OperationVariant::kRecv;
  traits_.receive_limit = features.receive_limit;
  if (auto done = set_up_buffers(features); !done) return done;
  allow_operations();
  return ring_->start();
}

Result<void> UringBackend::set_up_buffers(const os::Features& features) {
  const std::size_t bytes =
      laboratory_.buffer_bytes == 0 ? kStreamBuffer : laboratory_.buffer_bytes;
  const std::size_t count =
      laboratory_.buffer_count_max == 0 ? kStreamBuffersMax : laboratory_.buffer_count_max;
  const auto make = [&](BufferGroup group, std::size_t size, std::size_t count_max) {
    const auto number = static_cast<std::uint16_t>(group);
    const auto blocks = std::min<std::size_t>(count_max, BufferId::kBlocksMax);
    groups_[number] = std::make_unique<UringBuffers>(size, blocks);
    return groups_[number]->register_with(ring_->raw(), number);
  };
  if (auto done = make(BufferGroup::kStream, bytes, count); !done) return done;
  if (traits_.multishot_receive && !traits_.receive_limit) {
    const std::size_t small = std::min(bytes, ReceivePolicy::kSmallBuffer);
    const std::size_t small_count = laboratory_.buffer_count_max == 0 ? kSmallBuffersMax : count;
    if (auto done = make(BufferGroup::kSmall, small, small_count); !done) return done;
  }
  return set_up_zero_copy(bytes, features);
}

// Locked memory is scarce for ordinary users: under kAuto it is taken only where there is plenty,
// and going without is no error.
Result<void> UringBackend::set_up_zero_copy(std::size_t block_bytes, const os::Features& features) {
  const bool demanded = laboratory_.zero_copy == ZeroCopy::kOn;
  const bool worthwhile = laboratory_.zero_copy == ZeroCopy::kAuto && features.send_zero_copy &&
                          features.zero_copy_report && os::locked_memory_max() >= kPlentyLocked &&
                          laboratory_.operation == OperationVariant::kRecv;
  if (!demanded && !worthwhile) return {};
  constexpr auto kGroup = static_cast<std::uint16_t>(BufferGroup::kZeroCopy);
  auto& group = groups_[kGroup];
  group = std::make_unique<UringBuffers>(block_bytes, kZeroCopyBuffers);
  auto done = group->register_memory(ring_->raw());
  if (done) done = group->register_with(ring_->raw(), kGroup);
  traits_.zero_copy = done.has_value();
  if (!done) group.reset();
  return demanded ? done : Result<void>{};
}

void UringBackend::allow_operations() noexcept {
  for (const unsigned opcode : {IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_POLL_ADD,
                                IORING_OP_ASYNC_CANCEL, IORING_OP_CLOSE, IORING_OP_SENDMSG}) {
    ring_->allow(opcode);
  }
  switch (laboratory_.operation) {
    case OperationVariant::kRecv:
      ring_->allow(IORING_OP_RECV);
      ring_->allow(IORING_OP_SEND);
      break;
    case OperationVariant::kRead:
      ring_->allow(IORING_OP_READ);
      ring_->allow(IORING_OP_WRITE);
      break;
    case OperationVariant::kRecvmsg:
      ring_->allow(IORING_OP_RECVMSG);
      break;
    case OperationVariant::kReadv:
      ring_->allow(IORING_OP_READV);
      ring_->allow(IORING_OP_WRITEV);
      break;
  }
  if (traits_.zero_copy) ring_->allow(IORING_OP_SEND_ZC);
}

}  // namespace ouro::engine
