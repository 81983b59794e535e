#include "host/adoption.h"

#include "host/balance.h"

namespace ouro::host {
namespace {

bool accepts(ChildState state) noexcept {
  return state == ChildState::kLive || state == ChildState::kLeaving;
}

}  // namespace

std::vector<Adoption::Order> Adoption::settle(std::span<const Look> workers) {
  std::vector<Order> orders;
  for (unsigned of = 0; of < workers.size(); ++of) {
    std::optional<unsigned>& adopter = adopters_[of];
    const bool needed = !accepts(workers[of].state);
    if (adopter && needed && workers[*adopter].state == ChildState::kLive) continue;
    // A dead adopter needs no telling; a hung one will read it when it wakes.
    if (adopter && workers[*adopter].state != ChildState::kDown) {
      orders.push_back({*adopter, of, false});
    }
    adopter = needed ? choose(workers, of) : std::nullopt;
    if (adopter) orders.push_back({*adopter, of, true});
  }
  return orders;
}

std::optional<unsigned> Adoption::choose(std::span<const Look> workers, unsigned of) const {
  std::vector<WorkerLoad> loads;
  for (const Look& worker : workers) {
    loads.push_back({worker.connections, worker.state == ChildState::kLive});
  }
  const int chosen = least_loaded(loads, of);
  if (chosen < 0) return std::nullopt;
  return static_cast<unsigned>(chosen);
}

}  // namespace ouro::host
