// One simulated run: an engine, its programs and their peers, all from one seed.
#pragma once

#include <cstdint>
#include <string>

#include "sim/faults.h"

namespace ouro::sim {

// What runs add up to.
struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t connections = 0;
  std::uint64_t bytes = 0;  // received by the engine, or sent
  std::uint64_t turns = 0;
  std::uint64_t simulated_ns = 0;
  FaultCounts faults;

  void add(const Totals& other);
  [[nodiscard]] std::string to_string() const;
};

// Returns what was wrong, or nothing.
[[nodiscard]] std::string run_seed(std::uint64_t seed, bool tracing, Totals& totals);

}  // namespace ouro::sim
