#include "proxy/balance/least_connections.h"

#include <algorithm>

#include "base/check.h"

namespace ouro::proxy {

void LeastConnections::set_servers(std::span<const BalancedServer> servers) {
  turns_.set_servers(servers);
  least_.resize(servers.size());
}

int LeastConnections::pick(std::span<const Candidate> candidates, std::uint64_t client) noexcept {
  OURO_CHECK(candidates.size() == least_.size());
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!candidate.eligible()) continue;
    if (best == nullptr || less_loaded(candidate, *best, 1)) best = &candidate;
  }
  if (best == nullptr) return -1;
  std::ranges::copy(candidates, least_.begin());
  for (Candidate& candidate : least_) {
    if (less_loaded(*best, candidate, 0)) candidate.usable = false;
  }
  return turns_.pick(least_, client);
}

}  // namespace ouro::proxy
