#include "proxy/balance/least_connections.h"

namespace ouro::proxy {

int LeastConnections::pick(std::span<const Candidate> candidates,
                           std::uint64_t /*client*/) noexcept {
  const std::size_t count = candidates.size();
  int best = -1;
  for (std::size_t step = 0; step < count; ++step) {
    const std::size_t i = (next_ + step) % count;
    if (!candidates[i].eligible()) continue;
    if (best < 0 || less_loaded(candidates[i], candidates[static_cast<std::size_t>(best)])) {
      best = static_cast<int>(i);
    }
  }
  if (best >= 0) next_ = static_cast<std::size_t>(best) + 1;
  return best;
}

}  // namespace ouro::proxy
