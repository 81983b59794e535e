// Which servers a name stands for, from what the DNS says; and which slots they have. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proxy/named_place.h"

namespace ouro::proxy {

// An SRV record, and the addresses of its target, with its port.
struct ServiceTarget {
  std::uint16_t priority = 0;  // the lowest is the best
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string name;
  std::vector<Address> addresses;
};

// Those of the best priority that has an address; all others are backups. Weights keep their
// ratios, but are at least 1 and at most 1000.
[[nodiscard]] std::vector<NamedPlace> choose_places(const std::vector<ServiceTarget>& targets);

// What the slots of a name hold next: who stays keeps its slot, who comes gets one that is empty
// and, as is_free() says of its index, that nobody is connected by. Who finds none is left out.
[[nodiscard]] std::vector<NamedPlace> assign_places(
    const std::vector<NamedPlace>& slots, const std::vector<NamedPlace>& wanted,
    const std::function<bool(std::size_t)>& is_free);

}  // namespace ouro::proxy
