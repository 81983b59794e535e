#include "proxy/balance/smooth_round_robin.h"

#include <algorithm>
#include <unordered_map>

#include "base/check.h"

namespace ouro::proxy {

void SmoothRoundRobin::set_servers(std::span<const BalancedServer> servers) {
  std::unordered_map<std::uint64_t, std::int64_t> credits;
  for (const Turn& turn : turns_) credits.emplace(turn.id, turn.credit);
  std::int64_t total = 0;
  for (const BalancedServer& server : servers) total += server.weight;
  turns_.clear();
  for (const BalancedServer& server : servers) {
    const auto known = credits.find(server.id);
    // Where weights have become small, a credit from before would be many turns in a row.
    const std::int64_t credit = known == credits.end() ? 0 : known->second;
    turns_.push_back({server.id, std::clamp(credit, -total, total)});
  }
  if (credits.empty()) skip_first(servers);
}

void SmoothRoundRobin::skip_first(std::span<const BalancedServer> servers) {
  std::vector<Candidate> candidates;
  for (const BalancedServer& server : servers) candidates.push_back({.weight = server.weight});
  for (unsigned i = 0; i < offset_; ++i) (void)pick(candidates, 0);
}

int SmoothRoundRobin::pick(std::span<const Candidate> candidates,
                           std::uint64_t /*client*/) noexcept {
  OURO_CHECK(candidates.size() == turns_.size());
  std::int64_t total = 0;
  int best = -1;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!candidates[i].eligible()) continue;
    total += candidates[i].weight;
    turns_[i].credit += candidates[i].weight;
    if (best < 0 || turns_[i].credit > turns_[static_cast<std::size_t>(best)].credit) {
      best = static_cast<int>(i);
    }
  }
  if (best >= 0) turns_[static_cast<std::size_t>(best)].credit -= total;
  return best;
}

}  // namespace ouro::proxy
