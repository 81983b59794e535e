// A plan: which servers meet which workloads, how often. Read from a TOML file, of which
// docs/study.md tells the keys; three are built in.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/options.h"
#include "ouro/error.h"

namespace ouro::study {

struct ServerPlan {
  std::string name;
  std::vector<std::string> command;  // {port} and {bench} in it are filled in later
  std::vector<std::string> backend =
      {};                   // of a proxy: what stands behind it, on a {port} of its own
  std::string config = {};  // written to the file {config}; {port} and {backend} are ports

  // All of it in words, for records and readers.
  [[nodiscard]] std::vector<std::string> words() const;
};

struct WorkloadPlan {
  std::string name;
  std::vector<std::string> arguments;  // of `ouro load`, but the time and where to write
  load::Mode mode = load::Mode::kRequest;
  std::string size;  // as the plan says it
  std::size_t connections = 64;
  std::chrono::milliseconds duration{1000};
  std::chrono::milliseconds warm_up{200};
  unsigned repetitions = 3;
  std::vector<std::string> servers;  // empty: all
};

struct Plan {
  std::string description;
  std::vector<ServerPlan> servers;
  std::vector<WorkloadPlan> workloads;
};

// `source` is what errors call the text: "mine.toml:3:1: ...".
[[nodiscard]] Result<Plan> parse_plan(std::string_view text, const std::string& source);

// "quick", "seeds" and "full": the text of plans/NAME.toml when this program was built.
[[nodiscard]] std::optional<std::string_view> builtin_plan(std::string_view name) noexcept;

// What the command line changes in a plan.
struct PlanChanges {
  std::vector<ServerPlan> peers;  // come last, and meet every workload
  std::string only;               // servers, or workloads, whose names hold this; empty: all
  std::optional<unsigned> repetitions;
  std::optional<std::chrono::milliseconds> duration;
};
// "NAME=COMMAND with {port}".
[[nodiscard]] Result<ServerPlan> parse_peer(std::string_view text);
[[nodiscard]] Result<void> change_plan(Plan& plan, const PlanChanges& changes);

// Whether the workload is for this server.
[[nodiscard]] bool meets(const WorkloadPlan& workload, const ServerPlan& server);

// One run of the study: load on one server, once.
struct Run {
  const WorkloadPlan* workload = nullptr;
  const ServerPlan* server = nullptr;
  unsigned repetition = 0;  // from 1
  [[nodiscard]] std::string file_name() const;
};
// All of them in their order: the candidates take turns, A B C A B C. They point into the plan.
// All options of `ouro load` but where to write.
[[nodiscard]] std::vector<std::string> load_arguments(const WorkloadPlan& workload);
[[nodiscard]] std::vector<Run> runs_of(const Plan& plan);

// Beside the measured time, what a run takes about: start, connect, stop.
[[nodiscard]] std::chrono::milliseconds expected_time(const WorkloadPlan& workload);

}  // namespace ouro::study
