// Making a worker: which engine, and why.
#include "ouro/worker.h"

#include "engine/epoll_backend.h"
#include "engine/uring_backend.h"
#include "engine/worker_loop.h"
#include "os/features.h"
#include "os/process_signals.h"

namespace ouro {
namespace {

Result<void> check_options(const WorkerOptions& options) {
  const LaboratoryOptions& laboratory = options.laboratory;
  if (options.window_bytes == 0) return fail(Errc::kInvalid, "the window must be at least 1 byte");
  if (options.connections_max == 0) return fail(Errc::kInvalid, "no connection would be allowed");
  constexpr std::size_t kBufferMin = 64;
  constexpr std::size_t kBufferMax = std::size_t{16} << 20;
  if (laboratory.buffer_bytes != 0 &&
      (laboratory.buffer_bytes < kBufferMin || laboratory.buffer_bytes > kBufferMax)) {
    return fail(Errc::kInvalid, "a receive buffer has 64 bytes to 16 MiB");
  }
  constexpr std::size_t kBuffersMax = 16384;
  if (laboratory.buffer_count_max > kBuffersMax) {
    return fail(Errc::kInvalid, "there can be at most 16384 receive buffers");
  }
  return {};
}

}  // namespace

namespace engine {

Result<std::unique_ptr<Backend>> make_backend(const WorkerOptions& options, Counters& counters,
                                              std::string& reason) {
  if (options.engine == EngineChoice::kEpoll) return EpollBackend::create(options, counters);
  const os::Features features = os::probe_features();
  if (!features.uring) {
    if (options.engine == EngineChoice::kUring) {
      return fail(Errc::kUnsupported, "io_uring is refused here: " + features.uring_refusal);
    }
    reason = features.uring_refusal;
    auto backend = EpollBackend::create(options, counters);
    if (!backend) backend.error().what += ", which is refused here: " + reason;
    return backend;
  }
  auto backend = UringBackend::create(options, features, counters);
  // What a laboratory knob asks for in vain is an error, never a silent change of engine.
  const bool refused_by_system = !backend && backend.error().system_errno != 0;
  if (refused_by_system && options.engine == EngineChoice::kAuto) {
    reason = backend.error().what;
    return EpollBackend::create(options, counters);
  }
  return backend;
}

}  // namespace engine

Result<std::unique_ptr<Worker>> Worker::create(const WorkerOptions& options) {
  if (auto valid = check_options(options); !valid) return std::unexpected(valid.error());
  os::ignore_broken_pipes();
  // The backend and the loop count into the same place, so that place must exist first.
  std::unique_ptr<Counters> own;
  WorkerOptions complete = options;
  if (complete.counters == nullptr) {
    own = std::make_unique<Counters>();
    complete.counters = own.get();
  }
  std::string reason;
  auto backend = engine::make_backend(complete, *complete.counters, reason);
  if (!backend) return std::unexpected(backend.error());
  return std::make_unique<engine::WorkerLoop>(complete, std::move(*backend), std::move(reason),
                                              std::move(own));
}

}  // namespace ouro
