#include "study/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "study/words.h"

namespace ouro::study {
namespace {

bool holds(const std::string& name, const std::string& part) {
  return name.find(part) != std::string::npos;
}

// Keeps the servers, the workloads, or both, whose names hold `part`.
Result<void> keep_only(Plan& plan, const std::string& part) {
  const auto fits = [&part](const auto& one) { return holds(one.name, part); };
  const bool servers = std::ranges::any_of(plan.servers, fits);
  const bool workloads = std::ranges::any_of(plan.workloads, fits);
  if (!servers && !workloads) {
    return fail(Errc::kInvalid,
                fmt::format("no server or workload of the plan has '{}' in its "
                            "name; the first are '{}' and '{}'",
                            part, plan.servers.front().name, plan.workloads.front().name));
  }
  if (servers) std::erase_if(plan.servers, [&](const auto& one) { return !fits(one); });
  if (workloads) std::erase_if(plan.workloads, [&](const auto& one) { return !fits(one); });
  return {};
}

bool is_met(const Plan& plan, const WorkloadPlan& workload) {
  return std::ranges::any_of(plan.servers,
                             [&](const ServerPlan& server) { return meets(workload, server); });
}

Result<void> add_peer(Plan& plan, const ServerPlan& peer) {
  for (const ServerPlan& other : plan.servers) {
    if (file_word(other.name) == file_word(peer.name)) {
      return fail(Errc::kInvalid, fmt::format("'{}' is called like the plan's server '{}'; give "
                                              "it another name",
                                              peer.name, other.name));
    }
  }
  for (WorkloadPlan& workload : plan.workloads) {
    if (!workload.servers.empty()) workload.servers.push_back(peer.name);
  }
  plan.servers.push_back(peer);
  return {};
}

}  // namespace

std::vector<std::string> ServerPlan::words() const {
  std::vector<std::string> all = command;
  if (!config.empty()) {
    std::string line = config;
    std::ranges::replace(line, '\n', ' ');
    all.insert(all.end(), {"#", "config:", line});
  }
  if (!backend.empty()) {
    all.insert(all.end(), {"#", "before:"});
    all.insert(all.end(), backend.begin(), backend.end());
  }
  return all;
}

Result<ServerPlan> parse_peer(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || file_word(text.substr(0, equals)).empty()) {
    return fail(Errc::kInvalid, fmt::format("'{}' is not NAME='command with {{port}}'", text));
  }
  const auto words = split_words(text.substr(equals + 1));
  if (!words) return std::unexpected(words.error());
  if (text.find("{port}", equals) == std::string_view::npos) {
    return fail(Errc::kInvalid,
                fmt::format("the command has no {{port}} in it, so '{}' would not know where to "
                            "listen",
                            text.substr(0, equals)));
  }
  return ServerPlan{std::string(text.substr(0, equals)), *words, {}, {}};
}

Result<void> change_plan(Plan& plan, const PlanChanges& changes) {
  for (const ServerPlan& peer : changes.peers) {
    if (const auto added = add_peer(plan, peer); !added) return added;
  }
  if (!changes.only.empty()) {
    if (const auto kept = keep_only(plan, changes.only); !kept) return kept;
  }
  std::erase_if(plan.workloads,
                [&plan](const WorkloadPlan& workload) { return !is_met(plan, workload); });
  if (plan.workloads.empty()) {
    return fail(Errc::kInvalid, fmt::format("no workload is left with '{}'", changes.only));
  }
  for (WorkloadPlan& workload : plan.workloads) {
    workload.repetitions = changes.repetitions.value_or(workload.repetitions);
    workload.duration = changes.duration.value_or(workload.duration);
  }
  return {};
}

bool meets(const WorkloadPlan& workload, const ServerPlan& server) {
  return workload.servers.empty() || std::ranges::count(workload.servers, server.name) > 0;
}

std::string Run::file_name() const {
  return fmt::format("{}.{}.{}.json", file_word(workload->name), file_word(server->name),
                     repetition);
}

std::vector<std::string> load_arguments(const WorkloadPlan& workload) {
  std::vector<std::string> all = workload.arguments;
  for (const std::string& word : {std::string("--duration"), format_duration(workload.duration),
                                  std::string("--warmup"), format_duration(workload.warm_up)}) {
    all.push_back(word);
  }
  return all;
}

std::vector<Run> runs_of(const Plan& plan) {
  std::vector<Run> runs;
  for (const WorkloadPlan& workload : plan.workloads) {
    for (unsigned repetition = 1; repetition <= workload.repetitions; ++repetition) {
      for (const ServerPlan& server : plan.servers) {
        if (meets(workload, server)) runs.push_back({&workload, &server, repetition});
      }
    }
  }
  return runs;
}

std::chrono::milliseconds expected_time(const WorkloadPlan& workload) {
  constexpr std::chrono::milliseconds kAround{400};
  const std::chrono::milliseconds connecting{workload.connections / 5};
  return workload.duration + workload.warm_up + kAround + connecting;
}

}  // namespace ouro::study
