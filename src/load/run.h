// A whole run: threads, times, and what they add up to.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "load/options.h"
#include "load/results.h"

namespace ouro::load {

// How far a run is, for who watches.
struct Progress {
  enum class Stage : std::uint8_t { kConnecting, kWarmingUp, kMeasuring };
  Stage stage = Stage::kConnecting;
  double seconds = 0;        // measured so far
  std::uint64_t p50_ns = 0;  // of the last whole second, as all below
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
  double requests_per_second = 0;
  double bytes_per_second = 0;
  double jain = 1;
  std::vector<double> shares{};  // of the connections, ascending
};

// Told about once a second, on the calling thread.
using Watcher = std::function<void(const Progress&)>;

// Runs until the time is up or the user interrupts (SIGINT, SIGTERM), which still gives results.
// Fails when there can be no run: nobody listens, too few files may be open, no such server.
[[nodiscard]] Result<Results> run_load(const LoadOptions& options, const Watcher& watcher);

}  // namespace ouro::load
