// What is kept of a run: the JSON that `ouro load` wrote, with one member more, "study", that says
// which run this was and how it ended. A run that could not be measured is that member alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ouro::study {

enum class Outcome : std::uint8_t {
  kMeasured,
  kMissing,     // there is no such program
  kNotStarted,  // it ended, or never answered
  kCrashed,     // it ended under load
  kFailed,      // the load could not be made, or nothing was answered
};
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;

// Which run it was. A record belongs to a plan when all of it is the same there.
struct RunIdentity {
  std::string workload;
  std::string server;
  unsigned repetition = 0;
  std::vector<std::string> command;    // of the server, as the plan has it
  std::vector<std::string> arguments;  // of `ouro load`
  bool operator==(const RunIdentity&) const = default;
};

// The figures that reports are made of.
struct RunFigures {
  double requests_per_second = 0;
  double bits_per_second = 0;  // received
  double p50_ns = 0;           // of latency
  double p99_ns = 0;
  std::optional<double> jain;  // not of short connections
  std::optional<double> min_max;
  double cpu_per_request_ns = 0;  // the server's, user and kernel
  double server_cpu = 0;          // of one CPU, 0 to 1 and more
  double generator_cpu = 0;       // of its busiest thread
  std::map<std::string, std::uint64_t> errors;
  bool packets_lost = false;
  bool stood_still = false;
  std::optional<double> of_asked_rate;  // open loop: 1 if it was reached
};

// Where it ran; runs of several places in one report are worth a word.
struct RunPlace {
  std::string kernel;
  std::string cpu;
  unsigned cpus = 0;    // that the study could choose from
  std::string version;  // of ouro
  std::optional<unsigned> server_cpu;
  std::optional<unsigned> generator_cpu;
  auto operator<=>(const RunPlace&) const = default;
};

struct RunRecord {
  RunIdentity identity;
  Outcome outcome = Outcome::kFailed;
  std::string what;               // went wrong
  std::vector<std::string> said;  // by the server on standard error, at last
  RunPlace place;
  RunFigures figures;  // if it was measured
};

// The text of a record's file, from what `ouro load` wrote; empty if it wrote nothing.
[[nodiscard]] std::string record_text(const RunRecord& record, std::string_view load_json);
// Nothing if the text is not a whole record.
[[nodiscard]] std::optional<RunRecord> read_record(std::string_view text);

}  // namespace ouro::study
