// One simulated run: an engine, its programs and their peers, all from one seed.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/backend.h"
#include "sim/faults.h"
#include "sim/world.h"

namespace ouro::sim {

// What runs add up to.
struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t connections = 0;
  std::uint64_t bytes = 0;  // received by the engine, or sent
  std::uint64_t turns = 0;
  std::uint64_t simulated_ns = 0;
  FaultCounts faults;

  [[nodiscard]] std::string to_string() const;
};

// The kinds of kernel there are, and what a worker on it is told.
[[nodiscard]] engine::BackendTraits draw_traits(World& world);
[[nodiscard]] WorkerOptions draw_options(World& world, const engine::BackendTraits& traits);

// Returns what was wrong, or nothing.
[[nodiscard]] std::string run_seed(std::uint64_t seed, bool tracing, Totals& totals);

// The same with every decision taken from `script`, as far as it goes.
[[nodiscard]] std::string run_script(std::span<const std::uint8_t> script);

// A short run without faults but one: the operation number `at` of those that can fail fails with
// the error number `error` of those it can fail with.
struct NthFailure {
  bool reached = false;    // there were so many operations
  bool has_error = false;  // and this one can fail in so many ways
  std::string wrong;
  const char* operation = "";
};
[[nodiscard]] NthFailure run_with_failure(std::uint64_t seed, std::uint64_t at, std::size_t error,
                                          bool tracing, Totals& totals);

}  // namespace ouro::sim
