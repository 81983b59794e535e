#include "study/plan_workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/units.h"
#include "study/words.h"

namespace ouro::study {
namespace {

using load::Mode;

enum class Kind { kMode, kEngine, kNumber, kSize, kFlag };

constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint64_t kConnectionsUsual = 64;
constexpr std::size_t kWorkloadsMost = 1000;  // of one table

// The same limits as on the command line of `ouro load`.
struct LoadKey {
  std::string_view name;
  Kind kind;
  std::uint64_t most;
};
constexpr std::array kLoadKeys{
    LoadKey{"mode", Kind::kMode, 0},
    LoadKey{"size", Kind::kSize, 64 * kMib},
    LoadKey{"connections", Kind::kNumber, 1 << 20},
    LoadKey{"depth", Kind::kNumber, 1 << 16},
    LoadKey{"rate", Kind::kNumber, 1'000'000'000},
    LoadKey{"poisson", Kind::kFlag, 0},
    LoadKey{"window", Kind::kSize, 1024 * kMib},
    LoadKey{"active", Kind::kNumber, 1 << 20},
    LoadKey{"threads", Kind::kNumber, 1024},
    LoadKey{"engine", Kind::kEngine, 0},
    LoadKey{"verify", Kind::kFlag, 0},
};

constexpr std::array kModes{Mode::kRequest, Mode::kStream, Mode::kRate, Mode::kChurn, Mode::kIdle};

std::optional<Mode> mode_of(std::string_view text) {
  const auto* found = std::ranges::find(kModes, text, load::to_string);
  return found == kModes.end() ? std::nullopt : std::optional(*found);
}

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

// What is wrong with a value alone.
std::optional<std::string> trouble_with(const LoadKey& key, const std::string& value) {
  const auto say = [&](std::string_view right) {
    return fmt::format("{}: '{}' is not {}", key.name, value, right);
  };
  switch (key.kind) {
    case Kind::kMode:
      if (!mode_of(value)) return say("one of request, stream, rate, churn, idle");
      break;
    case Kind::kEngine:
      if (value != "auto" && value != "uring" && value != "epoll") {
        return say("one of auto, uring, epoll");
      }
      break;
    case Kind::kFlag:
      if (value != "true" && value != "false") return say("true or false");
      break;
    case Kind::kNumber: {
      const auto number = number_of(value);
      if (!number || *number < 1 || *number > key.most) {
        return say(fmt::format("a number from 1 to {}", key.most));
      }
      break;
    }
    case Kind::kSize: {
      const auto size = parse_size(value);
      if (!size || *size < 1 || *size > key.most) {
        return say(fmt::format("a size up to {} such as 1024 or \"16KiB\"", format_size(key.most)));
      }
      break;
    }
  }
  return std::nullopt;
}

using Values = std::map<std::string, std::string, std::less<>>;

std::uint64_t number_or(const Values& values, std::string_view key, std::uint64_t otherwise) {
  const auto found = values.find(key);
  return found == values.end() ? otherwise : number_of(found->second).value_or(otherwise);
}

std::uint64_t connections_of(const Values& values) {
  return number_or(values, "connections", kConnectionsUsual);
}

// What is wrong with values together: those that `ouro load` refuses.
std::optional<WrongOption> trouble_together(const Values& values, Mode mode) {
  const auto only = [&](const char* key, bool fits, const char* where) {
    return values.contains(key) && !fits
               ? std::optional(WrongOption{key, fmt::format("{} is for mode {}", key, where)})
               : std::nullopt;
  };
  if (auto wrong = only("rate", mode == Mode::kRate, "rate")) return wrong;
  if (auto wrong = only("poisson", mode == Mode::kRate, "rate")) return wrong;
  if (auto wrong = only("window", mode == Mode::kStream, "stream")) return wrong;
  if (auto wrong = only("active", mode == Mode::kIdle, "idle")) return wrong;
  const bool deep = mode == Mode::kRequest || mode == Mode::kRate;
  if (auto wrong = only("depth", deep, "request and rate")) return wrong;
  const std::uint64_t connections = connections_of(values);
  if (const std::uint64_t threads = number_or(values, "threads", 1); threads > connections) {
    return WrongOption{"threads", fmt::format("{} threads are more than there are connections ({})",
                                              threads, connections)};
  }
  if (mode == Mode::kRate && !values.contains("rate")) {
    return WrongOption{"mode", "mode rate needs a rate, in requests a second"};
  }
  return std::nullopt;
}

std::string default_name(const WorkloadPlan& workload, const Values& values) {
  std::string name = fmt::format("{} {} x {}", load::to_string(workload.mode), workload.size,
                                 workload.connections);
  for (const auto& [key, value] : values) {
    if (key == "mode" || key == "size" || key == "connections") continue;
    name += fmt::format(", {} {}", key, value);
  }
  return name;
}

WorkloadPlan workload_of(const WorkloadPlan& common, const Values& values, Mode mode) {
  WorkloadPlan workload = common;
  workload.mode = mode;
  const auto value = [&values](const char* key, const char* otherwise) {
    const auto found = values.find(key);
    return found == values.end() ? otherwise : found->second;
  };
  workload.size = value("size", "1KiB");
  if (const auto bytes = parse_size(workload.size)) workload.size = format_size(*bytes);
  workload.connections = connections_of(values);
  for (const LoadKey& key : kLoadKeys) {
    const auto found = values.find(key.name);
    if (found == values.end()) continue;
    workload.arguments.push_back("--" + std::string(key.name));
    if (key.kind != Kind::kFlag) workload.arguments.push_back(found->second);
  }
  if (workload.name.empty()) workload.name = default_name(workload, values);
  for (const auto& [key, text] : values) workload.name = filled_in(workload.name, key, text);
  return workload;
}

// Every combination, the last choice changing fastest.
std::vector<Values> combinations(const std::vector<LoadChoice>& choices) {
  std::vector<Values> all{{}};
  for (const LoadChoice& choice : choices) {
    std::vector<Values> longer;
    for (const Values& values : all) {
      for (const std::string& value : choice.values) {
        longer.push_back(values);
        if (value != "false") longer.back()[choice.key] = value;  // as if it were not there
      }
    }
    all = std::move(longer);
  }
  return all;
}

}  // namespace

std::vector<std::string_view> load_keys() {
  std::vector<std::string_view> names;
  names.reserve(kLoadKeys.size());
  for (const LoadKey& key : kLoadKeys) names.push_back(key.name);
  return names;
}

std::variant<std::vector<WorkloadPlan>, WrongOption> workloads_of(
    const WorkloadPlan& common, const std::vector<LoadChoice>& choices) {
  for (const LoadChoice& choice : choices) {
    const auto* key = std::ranges::find(kLoadKeys, choice.key, &LoadKey::name);
    for (const std::string& value : choice.values) {
      if (auto wrong = trouble_with(*key, value)) return WrongOption{choice.key, *wrong};
    }
  }
  std::size_t count = 1;
  for (const LoadChoice& choice : choices) {
    count *= choice.values.size();
    if (count > kWorkloadsMost) {
      return WrongOption{choice.key,
                         fmt::format("the lists make more than {} workloads", kWorkloadsMost)};
    }
  }
  std::vector<WorkloadPlan> workloads;
  for (const Values& values : combinations(choices)) {
    const auto mode_text = values.find("mode");
    const Mode mode = mode_text == values.end() ? Mode::kRequest : *mode_of(mode_text->second);
    if (auto wrong = trouble_together(values, mode)) return *wrong;
    workloads.push_back(workload_of(common, values, mode));
  }
  return workloads;
}

std::optional<std::string> read_time(const std::string& text, TimeLimits limits,
                                     std::chrono::milliseconds& into) {
  const auto time = parse_duration(text);
  if (!time) return time.error().what;
  if (*time < limits.least || *time > limits.most) {
    return fmt::format("'{}' is not between {} and {}", text, format_duration(limits.least),
                       format_duration(limits.most));
  }
  into = *time;
  return std::nullopt;
}

}  // namespace ouro::study
