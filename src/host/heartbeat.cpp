#include "host/heartbeat.h"

#include <utility>

namespace ouro::host {

Heartbeat::Finding Heartbeat::check(std::uint64_t now_ns, std::uint64_t turns) noexcept {
  if (std::exchange(turns_, turns) != turns) return moved();
  if (pinged_ns_ == 0) {
    pinged_ns_ = now_ns;
    return Finding::kPing;
  }
  const std::chrono::nanoseconds silent(now_ns - pinged_ns_);
  if (kill_after_.count() > 0 && silent >= kill_after_) return Finding::kLost;
  if (hung_ || silent < kSuspectAfter) return Finding::kFine;
  hung_ = true;
  return Finding::kHung;
}

Heartbeat::Finding Heartbeat::moved() noexcept {
  pinged_ns_ = 0;
  return std::exchange(hung_, false) ? Finding::kRecovered : Finding::kFine;
}

}  // namespace ouro::host
