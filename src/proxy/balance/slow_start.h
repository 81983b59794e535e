// What a server that has just come up is given: little at first, and more as its caches fill.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/balance/balancer.h"

namespace ouro::proxy {

// `weight`: as in the config. Grows in a line over `ramp_ns` since the server came up, from 1/256
// of what the weight gives in the end.
[[nodiscard]] constexpr std::uint32_t effective_weight(std::uint32_t weight, std::uint64_t up_ns,
                                                       std::uint64_t ramp_ns) noexcept {
  const std::uint32_t full = weight * kWeightUnit;
  if (up_ns >= ramp_ns) return full;
  // Doubles hold all products of these; whole numbers would not.
  const double share = static_cast<double>(up_ns) / static_cast<double>(ramp_ns);
  return std::max(weight, static_cast<std::uint32_t>(share * full));
}

}  // namespace ouro::proxy
