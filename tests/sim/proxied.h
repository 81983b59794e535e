// Simulated runs of the proxy: clients, servers and faults on both sides of it.
#pragma once

#include <cstdint>
#include <string>

#include "sim/scenario.h"

namespace ouro::sim {

// Returns what was wrong, or nothing.
[[nodiscard]] std::string run_proxied(std::uint64_t seed, bool tracing, Totals& totals);

}  // namespace ouro::sim
