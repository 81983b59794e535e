// Streams that always have something to send, and who gets how much of the engine's attention.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace ouro::sim {

// What the one that got least, and the one that got most, had of the mean of all.
struct Extremes {
  double least = 1;
  double most = 1;

  void add(const Extremes& other) {
    least = std::min(least, other.least);
    most = std::max(most, other.most);
  }
};

// A run without faults: equal streams beside short requests, on some kind of kernel, with buffers
// enough or far too few. All have something to send all the time; over any stretch of it, none may
// be left behind or get ahead. Gives what was wrong, or nothing; adds to `seen`.
[[nodiscard]] std::string run_fair(std::uint64_t seed, bool tracing, Extremes& seen);

}  // namespace ouro::sim
