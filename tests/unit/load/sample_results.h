// A run as it might have been, for tests of how runs are told: each test spoils what it is about.
#pragma once

#include "load/results.h"

namespace ouro::load {

inline void fill_times(Histogram& times, std::uint64_t count, std::uint64_t step_ns) {
  for (std::uint64_t i = 1; i <= count; ++i) times.add(i * step_ns);
}

// Five even seconds of four connections that all got 250 requests a second.
inline Results sample_results() {
  Results results;
  results.options.target.text = "127.0.0.1:7007";
  results.options.connections = 4;
  results.engine = "uring";
  results.seconds = 5;
  results.warm_up_seconds = 0.5;
  results.requests = 5000;
  results.bytes_received = results.bytes_sent = 5000 * 1024;
  fill_times(results.latency, 5000, 100);
  fill_times(results.service, 5000, 100);
  fill_times(results.connect, 4, 50'000);
  fill_times(results.first_service, 4, 80'000);
  for (int i = 0; i < 5; ++i) {
    results.timeline.push_back({1, 1000, 1000 * 1024, 250'000, 495'000, 500'000, 0.9995});
  }
  for (int i = 0; i < 4; ++i) {
    results.connections.push_back({1250, 1250 * 1024, 495'000, 2'000'000, 80'000});
  }
  results.thread_cpu = {0.5};
  return results;
}

}  // namespace ouro::load
