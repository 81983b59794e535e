#include "engine/pipe_pool.h"

#include <algorithm>
#include <utility>

#include "os/socket.h"

namespace ouro::engine {
namespace {

// With two descriptors each, a quarter of all that there may be: the rest is for connections.
constexpr std::size_t kFilesForEach = 8;
constexpr std::uint64_t kPauseNs = 100'000'000;

}  // namespace

PipePool::PipePool(std::size_t pipe_bytes)
    : pipe_bytes_(pipe_bytes), pipes_max_(os::open_files_max() / kFilesForEach) {}

std::optional<os::Pipe> PipePool::take(std::uint64_t now_ns) {
  if (!spare_.empty()) {
    os::Pipe pipe = std::move(spare_.back());
    spare_.pop_back();
    return pipe;
  }
  if (made_ >= pipes_max_ || now_ns < not_before_ns_) return std::nullopt;
  auto pipe = os::make_splice_pipe(pipe_bytes_);
  if (!pipe) {
    not_before_ns_ = now_ns + kPauseNs;
    return std::nullopt;
  }
  ++made_;
  return std::move(*pipe);
}

void PipePool::give_back(os::Pipe pipe) {
  if (spare_.size() < kSpareMax) {
    spare_.push_back(std::move(pipe));
  } else {
    discard(std::move(pipe));
  }
}

void PipePool::discard(os::Pipe pipe) noexcept {
  --made_;
  const os::Pipe closed = std::move(pipe);
}

}  // namespace ouro::engine
