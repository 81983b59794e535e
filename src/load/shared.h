// What the threads of a run share.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "load/histogram.h"

namespace ouro::load {

// A second as one thread saw it; those of all threads add up.
struct SecondPart {
  double seconds = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  SmallHistogram latency;
  // Of the connections' shares, for Jain's index.
  std::uint64_t connections = 0;
  double share_sum = 0;
  double share_square_sum = 0;
};

// One per run. The conductor sets the times, the generators say how far they are.
struct Shared {
  // Of threads: all connections have been tried.
  std::atomic<unsigned> arrived{0};
  // 0: not known yet. Warm-up is before `measure_from_ns`.
  std::atomic<std::uint64_t> begin_ns{0};
  std::atomic<std::uint64_t> measure_from_ns{0};
  std::atomic<std::uint64_t> measure_until_ns{0};
  // All is over: leave.
  std::atomic<bool> stop{false};

  std::mutex mutex;
  // Under the mutex: what was said first about why there can be no run.
  std::string failure;
  // Under the mutex: whole seconds of the measured time, by thread.
  std::vector<std::vector<SecondPart>> seconds;
  // Under the mutex: each connection's share of the last second, by thread.
  std::vector<std::vector<double>> shares;

  void fail(const std::string& reason) {
    const std::lock_guard lock(mutex);
    if (failure.empty()) failure = reason;
    stop.store(true);
  }
};

}  // namespace ouro::load
