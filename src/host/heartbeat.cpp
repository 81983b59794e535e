#include "host/heartbeat.h"

#include <utility>

#include "base/units.h"

namespace ouro::host {

Heartbeat::Finding Heartbeat::check(std::uint64_t now_ns, std::uint64_t turns) noexcept {
  if (std::exchange(turns_, turns) != turns) return moved();
  if (pinged_ns_ == 0) {
    pinged_ns_ = now_ns;
    ping_again_ns_ = now_ns + as_ns(kSuspectAfter);
    return Finding::kPing;
  }
  const std::chrono::nanoseconds silent(now_ns - pinged_ns_);
  if (kill_after_.count() > 0 && silent >= kill_after_) return Finding::kLost;
  if (!hung_ && silent >= kSuspectAfter) {
    hung_ = true;
    return Finding::kHung;
  }
  if (now_ns < ping_again_ns_) return Finding::kFine;
  ping_again_ns_ = now_ns + (now_ns - pinged_ns_);
  return Finding::kPing;
}

Heartbeat::Finding Heartbeat::moved() noexcept {
  pinged_ns_ = 0;
  return std::exchange(hung_, false) ? Finding::kRecovered : Finding::kFine;
}

}  // namespace ouro::host
