// The options of `ouro load` in a plan: which there are, what they may be, and how lists of values
// become several workloads.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "study/plan.h"

namespace ouro::study {

[[nodiscard]] std::vector<std::string_view> load_keys();

// A key of the plan with its values: each makes workloads of its own.
struct LoadChoice {
  std::string key;
  std::vector<std::string> values;
};

struct WrongOption {
  std::string key;
  std::string what;
};

// Every combination of the choices, each a copy of `common` with its arguments and its name, in
// which {size} and other keys are filled in. An empty name becomes one like "request 1KiB x 64".
[[nodiscard]] std::variant<std::vector<WorkloadPlan>, WrongOption> workloads_of(
    const WorkloadPlan& common, const std::vector<LoadChoice>& choices);

struct TimeLimits {
  std::chrono::milliseconds least;
  std::chrono::milliseconds most;
};
// What is wrong with the time, if something is.
[[nodiscard]] std::optional<std::string> read_time(const std::string& text, TimeLimits limits,
                                                   std::chrono::milliseconds& into);

}  // namespace ouro::study
