// Runs the engine on the simulator.
//
//   ouro_sim --seeds 1000            seeds 0 to 999; prints what they add up to
//   ouro_sim --seeds 1000 --from 5000
//   ouro_sim --seed 4711 --trace     one of them again, telling what happens
//
// A seed that fails is printed with what was wrong, and the exit code is 1.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/scenario.h"

namespace {

unsigned long long current_seed = 0;

// An assertion of the engine has ended the process: which seed was it?
void tell_seed(int) {
  std::fprintf(stderr, "FAILED: seed %llu (again: ouro_sim --seed %llu --trace)\n", current_seed,
               current_seed);
  std::_Exit(1);
}

int usage() {
  std::fputs("usage: ouro_sim [--seed N] [--from N] [--seeds N] [--trace]\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t from = 0;
  std::uint64_t seeds = 1000;
  bool tracing = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--trace") {
      tracing = true;
      continue;
    }
    if (i + 1 == argc) return usage();
    const std::uint64_t number = std::strtoull(argv[++i], nullptr, 10);
    if (option == "--seed") {
      from = number;
      seeds = 1;
    } else if (option == "--from") {
      from = number;
    } else if (option == "--seeds") {
      seeds = number;
    } else {
      return usage();
    }
  }
  std::signal(SIGABRT, tell_seed);
  ouro::sim::Totals totals;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
    current_seed = seed;
    if (ouro::sim::run_seed(seed, tracing, totals).empty()) continue;
    std::fprintf(stderr, "FAILED: seed %llu (again: ouro_sim --seed %llu --trace)\n", current_seed,
                 current_seed);
    if (++failed == 10) break;
  }
  std::fputs(totals.to_string().c_str(), stdout);
  return failed == 0 ? 0 : 1;
}
