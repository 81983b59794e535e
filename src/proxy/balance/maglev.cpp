#include "proxy/balance/maglev.h"

#include <algorithm>

#include "base/check.h"
#include "base/random.h"

namespace ouro::proxy {
namespace {

// What one server would like: all places, in an order made of its id.
struct Wishes {
  std::uint32_t next = 0;
  std::uint32_t step = 1;
  std::uint32_t weight = 0;
  std::uint64_t turns = 0;  // taken so far, times the largest weight
};

Wishes wishes_of(const BalancedServer& server) noexcept {
  Random random(server.id);
  return {.next = static_cast<std::uint32_t>(random.below(Maglev::kPlaces)),
          .step = static_cast<std::uint32_t>(1 + random.below(Maglev::kPlaces - 1)),
          .weight = server.weight,
          .turns = 0};
}

std::vector<Wishes> all_wishes(std::span<const BalancedServer> servers) {
  std::vector<Wishes> all;
  all.reserve(servers.size());
  for (const BalancedServer& server : servers) all.push_back(wishes_of(server));
  return all;
}

}  // namespace

// In each round all servers take the next free place of their order; of a lower weight, in fewer
// rounds.
void Maglev::set_servers(std::span<const BalancedServer> servers) {
  OURO_CHECK(servers.size() <= kServersMax);
  servers_ = servers.size();
  table_.clear();
  std::vector<Wishes> all = all_wishes(servers);
  const auto heaviest = std::ranges::max_element(all, {}, &Wishes::weight);
  const std::uint64_t weight_max = heaviest == all.end() ? 0 : heaviest->weight;
  if (weight_max == 0) return;
  table_.assign(kPlaces, kNobody);
  std::uint32_t filled = 0;
  for (std::uint64_t round = 1; filled < kPlaces; ++round) {
    for (std::size_t i = 0; i < all.size() && filled < kPlaces; ++i) {
      Wishes& wishes = all[i];
      if (round * wishes.weight < wishes.turns + weight_max) continue;
      wishes.turns += weight_max;
      while (table_[wishes.next] != kNobody) wishes.next = (wishes.next + wishes.step) % kPlaces;
      table_[wishes.next] = static_cast<std::uint16_t>(i);
      ++filled;
    }
  }
}

int Maglev::pick(std::span<const Candidate> candidates, std::uint64_t client) noexcept {
  OURO_CHECK(candidates.size() == servers_);
  if (candidates.empty()) return -1;
  Random order(client);
  for (int i = 0; i < kTriesMax && !table_.empty(); ++i) {
    const std::uint16_t server = table_[order.below(kPlaces)];
    if (candidates[server].eligible()) return server;
  }
  const std::size_t first = order.below(candidates.size());
  for (std::size_t step = 0; step < candidates.size(); ++step) {
    const std::size_t i = (first + step) % candidates.size();
    if (candidates[i].eligible()) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace ouro::proxy
