// From records of runs to what can be said about them. All reports are made from this alone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "study/plan.h"
#include "study/record.h"
#include "study/statistics.h"

namespace ouro::study {

// A spread, and not only bad luck, from this on: the distance of the quartiles to the median.
inline constexpr double kSpreadMost = 0.15;
inline constexpr double kBusy = 0.95;  // of a CPU: it is the limit

// How a server stands to the first one of its workload.
enum class Verdict : std::uint8_t { kBase, kFaster, kSlower, kCheaper, kDearer, kSame, kUnknown };
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;

// A server under a workload, over its repetitions.
struct Row {
  std::string server;
  std::size_t runs = 0;    // measured
  Quartiles rate;          // requests, or bits of a stream, per second
  PairedRatio rate_ratio;  // to the first server; more is better
  Quartiles cpu_ns;        // of the server, per request
  PairedRatio cpu_ratio;   // less is better
  double p50_ns = 0;       // medians of the runs from here on
  double p99_ns = 0;
  std::optional<double> jain;
  std::optional<double> min_max;
  double server_cpu = 0;
  double generator_cpu = 0;
  std::uint64_t errors = 0;             // of all runs
  std::optional<double> of_asked_rate;  // the median; 1 if it was reached
  bool packets_lost = false;            // in half of the runs or more
  bool stood_still = false;             // likewise
  bool held_up = false;                 // neither it nor the generator was at its limit
  std::vector<std::string> doubts;      // why not to trust it; empty: nothing against it
  Verdict verdict = Verdict::kUnknown;

  // Its rate says what the generator can do, and not what the server can.
  [[nodiscard]] bool generator_limited() const noexcept {
    return generator_cpu >= kBusy && server_cpu < kBusy;
  }
};

struct WorkloadResult {
  std::string name;
  std::string arguments;  // of `ouro load`
  load::Mode mode = load::Mode::kRequest;
  std::string size;
  std::size_t connections = 0;
  std::vector<Row> rows;  // of servers with at least one run that was measured
};

// Something that went wrong with a server.
struct Finding {
  std::string server;
  Outcome outcome = Outcome::kFailed;
  std::string what;
  std::vector<std::string> workloads;  // under which, each once
  std::size_t times = 0;
  std::vector<std::string> said;
};

struct ServerLine {
  std::string name;
  std::string command;
};

struct Analysis {
  std::string title;  // name of the plan
  std::string description;
  std::vector<ServerLine> servers;
  std::vector<WorkloadResult> workloads;
  std::vector<Finding> findings;
  std::vector<RunPlace> places;  // each once
  std::size_t planned = 0;
  std::size_t measured = 0;
  bool interrupted = false;
};

[[nodiscard]] WorkloadResult analyze(const WorkloadPlan& workload,
                                     const std::vector<ServerPlan>& servers,
                                     const std::vector<RunRecord>& records);
[[nodiscard]] Analysis analyze(const Plan& plan, const std::vector<RunRecord>& records);

// Who won what and by how much, in a few sentences.
[[nodiscard]] std::vector<std::string> sentences(const Analysis& analysis);

}  // namespace ouro::study
