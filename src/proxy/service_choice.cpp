#include "proxy/service_choice.h"

#include <algorithm>
#include <limits>

namespace ouro::proxy {
namespace {

constexpr unsigned kWeightMost = 1000;

unsigned scaled(unsigned weight, unsigned largest) {
  if (largest > kWeightMost) weight = weight * kWeightMost / largest;
  return std::max(1U, weight);
}

bool is_there(const NamedPlace& place) { return place.address.family() != Address::Family::kNone; }

const NamedPlace* find(const std::vector<NamedPlace>& places, const Address& address) {
  const auto found = std::ranges::find(places, address, &NamedPlace::address);
  return found == places.end() ? nullptr : &*found;
}

}  // namespace

std::vector<NamedPlace> choose_places(const std::vector<ServiceTarget>& targets) {
  unsigned best = std::numeric_limits<unsigned>::max();
  unsigned largest = 0;
  for (const ServiceTarget& target : targets) {
    if (target.addresses.empty()) continue;
    best = std::min<unsigned>(best, target.priority);
    largest = std::max<unsigned>(largest, target.weight);
  }
  std::vector<NamedPlace> places;
  for (const bool backup : {false, true}) {
    for (const ServiceTarget& target : targets) {
      if ((target.priority != best) != backup) continue;
      for (const Address& address : target.addresses) {
        if (find(places, address) != nullptr) continue;
        places.push_back({address, scaled(target.weight, largest), backup});
      }
    }
  }
  return places;
}

std::vector<NamedPlace> assign_places(const std::vector<NamedPlace>& slots,
                                      const std::vector<NamedPlace>& wanted,
                                      const std::function<bool(std::size_t)>& is_free) {
  std::vector<NamedPlace> next(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (!is_there(slots[i])) continue;
    if (const NamedPlace* stays = find(wanted, slots[i].address)) next[i] = *stays;
  }
  for (const NamedPlace& place : wanted) {
    if (!is_there(place) || find(next, place.address) != nullptr) continue;
    for (std::size_t i = 0; i < next.size(); ++i) {
      // A slot that has just lost its server may be looked at by a worker still.
      if (is_there(next[i]) || is_there(slots[i]) || !is_free(i)) continue;
      next[i] = place;
      break;
    }
  }
  return next;
}

}  // namespace ouro::proxy
