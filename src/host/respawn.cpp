#include "host/respawn.h"

#include <algorithm>

namespace ouro::host {

std::chrono::milliseconds Respawn::died_after(std::chrono::milliseconds lived) noexcept {
  if (lived >= kStable) quick_deaths_ = 0;
  ++quick_deaths_;
  if (!crash_looping()) return std::chrono::milliseconds{0};
  const unsigned doublings = std::min(quick_deaths_ - kQuickDeathsMax, 16u);
  return std::min(kDelayMax, kFirstDelay * (1u << doublings));
}

}  // namespace ouro::host
