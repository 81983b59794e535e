#include "host/balance.h"

#include <algorithm>

namespace ouro::host {

unsigned choose_worker(std::span<const WorkerLoad> loads, unsigned self,
                       std::uint64_t most) noexcept {
  std::uint64_t total = 0;
  std::uint64_t able = 0;
  for (unsigned i = 0; i < loads.size(); ++i) {
    if (!loads[i].able && i != self) continue;
    total += loads[i].connections;
    ++able;
  }
  // own > total / able + slack, without a fraction.
  const std::uint64_t own = loads[self].connections;
  if (own * able <= total + kBalanceSlack * able) return self;
  const int target = least_loaded(loads, self);
  if (target < 0) return self;
  const std::uint64_t there = loads[static_cast<unsigned>(target)].connections;
  return there + 1 < own && there < most ? static_cast<unsigned>(target) : self;
}

std::uint64_t imbalance(std::span<const WorkerLoad> loads) noexcept {
  std::uint64_t fewest = UINT64_MAX;
  std::uint64_t most = 0;
  for (const WorkerLoad& load : loads) {
    if (!load.able) continue;
    fewest = std::min(fewest, load.connections);
    most = std::max(most, load.connections);
  }
  return most > fewest ? most - fewest : 0;
}

int least_loaded(std::span<const WorkerLoad> loads, unsigned except) noexcept {
  int best = -1;
  for (unsigned i = 0; i < loads.size(); ++i) {
    if (i == except || !loads[i].able) continue;
    if (best >= 0 && loads[i].connections >= loads[static_cast<unsigned>(best)].connections) {
      continue;
    }
    best = static_cast<int>(i);
  }
  return best;
}

}  // namespace ouro::host
