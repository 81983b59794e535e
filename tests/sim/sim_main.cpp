// Runs the engine on the simulator.
//
//   ouro_sim --seeds 1000            seeds 0 to 999; prints what they add up to
//   ouro_sim --seeds 1000 --from 5000
//   ouro_sim --seeds 1000 --first    ends with the first that fails
//   ouro_sim --seed 4711 --trace     one of them again, telling what happens
//   ouro_sim --nth 20                in each of 20 short runs every operation fails in turn, with
//                                    every error it can fail with
//   ouro_sim --fair 200              runs in which streams compete
//   ouro_sim --nth-of 3 --at 17 --error 2 --trace    one of these again
//
// A seed that fails is printed with what was wrong, and the exit code is 1.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "sim/fairness.h"
#include "sim/scenario.h"

namespace {

std::string again;  // the options that repeat what is running

void tell_failure() { std::fprintf(stderr, "FAILED; again: ouro_sim %s --trace\n", again.c_str()); }

// An assertion of the engine has ended the process: what was it doing?
void aborted(int) {
  tell_failure();
  std::_Exit(1);
}

int usage() {
  std::fputs(
      "usage: ouro_sim [--seed N] [--from N] [--seeds N] [--first] [--trace]\n"
      "       ouro_sim --nth SEEDS | --fair SEEDS [--from N] [--trace]\n"
      "       ouro_sim --nth-of SEED --at N --error N [--trace]\n",
      stderr);
  return 2;
}

struct Options {
  std::uint64_t from = 0;
  std::uint64_t seeds = 1000;
  std::uint64_t nth = 0;
  std::uint64_t fair = 0;
  std::uint64_t nth_of = 0;
  std::uint64_t at = 0;  // with nth_of; 0: none is asked for
  std::uint64_t error = 0;
  bool tracing = false;
  bool only_first = false;
};

std::optional<Options> read(int argc, char** argv) {
  Options options;
  const std::map<std::string, std::uint64_t*> numbers = {
      {"--from", &options.from},  {"--seeds", &options.seeds},   {"--nth", &options.nth},
      {"--fair", &options.fair},  {"--nth-of", &options.nth_of}, {"--at", &options.at},
      {"--error", &options.error}};
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--trace" || option == "--first") {
      (option == "--trace" ? options.tracing : options.only_first) = true;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const std::uint64_t number = std::strtoull(argv[++i], nullptr, 10);
    if (option == "--seed") options.seeds = 1;
    const auto place = numbers.find(option == "--seed" ? "--from" : option);
    if (place == numbers.end()) return std::nullopt;
    *place->second = number;
  }
  return options;
}

int run_seeds(const Options& options, ouro::sim::Totals& totals) {
  int failed = 0;
  for (std::uint64_t seed = options.from; seed < options.from + options.seeds; ++seed) {
    again = "--seed " + std::to_string(seed);
    if (ouro::sim::run_seed(seed, options.tracing, totals).empty()) continue;
    tell_failure();
    if (++failed == 10 || options.only_first) break;
  }
  std::fputs(totals.to_string().c_str(), stdout);
  return failed;
}

// Returns whether there is an operation number `at`.
bool fail_one(std::uint64_t seed, std::uint64_t at, const Options& options,
              ouro::sim::Totals& totals, std::map<std::string, int>& failures, int& failed) {
  for (std::uint64_t error = 0;; ++error) {
    again = "--nth-of " + std::to_string(seed) + " --at " + std::to_string(at) + " --error " +
            std::to_string(error);
    const auto result = ouro::sim::run_with_failure(seed, at, error, options.tracing, totals);
    if (!result.wrong.empty()) {
      tell_failure();
      ++failed;
    }
    if (!result.has_error) return result.reached;
    ++failures[result.operation];
  }
}

int run_nth(const Options& options, ouro::sim::Totals& totals) {
  int failed = 0;
  std::map<std::string, int> failures;
  for (std::uint64_t seed = 0; seed < options.nth && failed < 10; ++seed) {
    std::uint64_t at = 1;
    while (failed < 10 && fail_one(seed, at, options, totals, failures, failed)) ++at;
  }
  std::printf("%llu runs of %llu seeds, in each one operation failed:",
              static_cast<unsigned long long>(totals.runs),
              static_cast<unsigned long long>(options.nth));
  for (const auto& [operation, count] : failures) std::printf(" %s %d", operation.c_str(), count);
  std::puts("");
  return failed;
}

int run_fair(const Options& options) {
  int failed = 0;
  ouro::sim::Extremes seen;
  for (std::uint64_t seed = options.from; seed < options.from + options.fair && failed < 10;
       ++seed) {
    again = "--fair 1 --from " + std::to_string(seed);
    if (ouro::sim::run_fair(seed, options.tracing, seen).empty()) continue;
    tell_failure();
    ++failed;
  }
  std::printf(
      "%llu runs of competing streams: over any stretch, none had less than %.2f or more "
      "than %.2f of the mean\n",
      static_cast<unsigned long long>(options.fair), seen.least, seen.most);
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = read(argc, argv);
  if (!options) return usage();
  std::signal(SIGABRT, aborted);
  ouro::sim::Totals totals;
  if (options->at > 0) {
    const auto result = ouro::sim::run_with_failure(options->nth_of, options->at, options->error,
                                                    options->tracing, totals);
    return result.wrong.empty() ? 0 : 1;
  }
  if (options->fair > 0) return run_fair(*options) == 0 ? 0 : 1;
  const int failed = options->nth > 0 ? run_nth(*options, totals) : run_seeds(*options, totals);
  return failed == 0 ? 0 : 1;
}
