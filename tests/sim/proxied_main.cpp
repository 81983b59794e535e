// Runs the proxy on the simulator.
//
//   ouro_sim_proxy --seeds 1000              seeds 0 to 999; prints what they add up to
//   ouro_sim_proxy --seeds 1000 --from 5000
//   ouro_sim_proxy --seed 4711 --trace       one of them again, telling what happens
//
// A seed that fails is printed with what was wrong, and the exit code is 1.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "sim/proxied.h"

namespace {

unsigned long long seed = 0;

void tell_failure() {
  std::fprintf(stderr, "FAILED; again: ouro_sim_proxy --seed %llu --trace\n", seed);
}

// An assertion has ended the process: what was it doing?
void aborted(int) {
  tell_failure();
  std::_Exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  unsigned long long from = 0;
  unsigned long long seeds = 1000;
  bool tracing = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const bool has_value = i + 1 < argc;
    if (option == "--trace") {
      tracing = true;
    } else if (has_value && (option == "--from" || option == "--seed")) {
      from = std::strtoull(argv[++i], nullptr, 10);
      if (option == "--seed") seeds = 1;
    } else if (has_value && option == "--seeds") {
      seeds = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fputs("usage: ouro_sim_proxy [--seed N] [--from N] [--seeds N] [--trace]\n", stderr);
      return 2;
    }
  }
  std::signal(SIGABRT, aborted);
  ouro::sim::Totals totals;
  constexpr int kFailuresMax = 10;
  int failed = 0;
  for (seed = from; seed < from + seeds && failed < kFailuresMax; ++seed) {
    if (ouro::sim::run_proxied(seed, tracing, totals).empty()) continue;
    tell_failure();
    ++failed;
  }
  std::fputs(totals.to_string().c_str(), stdout);
  return failed == 0 ? 0 : 1;
}
