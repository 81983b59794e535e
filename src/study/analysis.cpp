#include "study/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "load/figures.h"
#include "load/results.h"
#include "study/words.h"

namespace ouro::study {
namespace {

constexpr double kRateReached = 0.99;
constexpr std::size_t kCrowd = 16;  // so many connections always have something to do
constexpr double kHeldUp = 0.8;     // of a CPU

using Figure = std::function<double(const RunFigures&)>;

// Of one server under one workload, by repetition.
using RunsOfServer = std::vector<const RunRecord*>;

RunsOfServer runs_of_server(const std::vector<RunRecord>& records, const std::string& workload,
                            const std::string& server) {
  RunsOfServer runs;
  for (const RunRecord& record : records) {
    const bool fits = record.identity.workload == workload && record.identity.server == server;
    if (fits && record.outcome == Outcome::kMeasured) runs.push_back(&record);
  }
  return runs;
}

std::vector<double> values(const RunsOfServer& runs, const Figure& figure) {
  std::vector<double> all;
  for (const RunRecord* run : runs) all.push_back(figure(run->figures));
  return all;
}

double median(const RunsOfServer& runs, const Figure& figure) {
  return quartiles(values(runs, figure)).median;
}

std::optional<double> median_if_any(const RunsOfServer& runs,
                                    std::optional<double> RunFigures::* member) {
  std::vector<double> known;
  for (const RunRecord* run : runs) {
    if (const auto& value = run->figures.*member) known.push_back(*value);
  }
  return known.empty() ? std::nullopt : std::optional(quartiles(known).median);
}

// Of the same repetition, which ran next to each other in time.
PairedRatio ratio_of(const RunsOfServer& runs, const RunsOfServer& base, const Figure& figure) {
  std::vector<double> ratios;
  for (const RunRecord* run : runs) {
    for (const RunRecord* other : base) {
      if (other->identity.repetition != run->identity.repetition) continue;
      const double below = figure(other->figures);
      if (below > 0) ratios.push_back(figure(run->figures) / below);
    }
  }
  return paired_ratio(ratios);
}

double rate_of(const RunFigures& figures, load::Mode mode) {
  return mode == load::Mode::kStream ? figures.bits_per_second : figures.requests_per_second;
}

// There was always something to do, and yet nobody did it all the time.
bool held_up(const Row& row, const WorkloadPlan& workload) {
  const bool always = !load::open_loop(workload.mode) && workload.connections >= kCrowd;
  return always && row.server_cpu < kHeldUp && row.generator_cpu < kHeldUp;
}

std::vector<std::string> doubts_about(const Row& row) {
  std::vector<std::string> doubts;
  if (row.runs < 2) doubts.emplace_back("one run only");
  if (row.rate.spread() > kSpreadMost) {
    doubts.push_back(fmt::format("spread {:.0f} %", row.rate.spread() * 100));
  }
  if (row.generator_limited()) doubts.emplace_back("generator was the limit");
  if (row.held_up) doubts.emplace_back("neither was at its limit");
  if (row.of_asked_rate && *row.of_asked_rate < kRateReached) {
    doubts.push_back(fmt::format("{:.0f} % of the asked rate", *row.of_asked_rate * 100));
  }
  if (row.packets_lost) doubts.emplace_back("packets were lost");
  if (row.stood_still) doubts.emplace_back("all stood still for a while");
  if (row.errors > 0) {
    doubts.push_back(fmt::format("{} error{}", row.errors, row.errors == 1 ? "" : "s"));
  }
  return doubts;
}

bool noisy(const Row& row) { return row.runs < 2 || row.rate.spread() > kSpreadMost; }

// Who was not even driven to its limit may be better still, but not worse.
bool rate_decides(const Row& row, const Row& base) {
  if (noisy(row) || noisy(base) || !row.rate_ratio.differs()) return false;
  return !(row.rate_ratio.median > 1 ? base : row).generator_limited();
}

bool cpu_decides(const Row& row, const Row& base) {
  return row.cpu_ns.spread() <= kSpreadMost && base.cpu_ns.spread() <= kSpreadMost &&
         row.cpu_ratio.differs();
}

// By the rate, and where that says nothing, by CPU time.
Verdict verdict_on(const Row& row, const Row& base) {
  if (rate_decides(row, base)) {
    return row.rate_ratio.median > 1 ? Verdict::kFaster : Verdict::kSlower;
  }
  if (cpu_decides(row, base)) {
    return row.cpu_ratio.median < 1 ? Verdict::kCheaper : Verdict::kDearer;
  }
  const bool comparable = row.rate_ratio.has_interval() && !noisy(row) && !noisy(base);
  return comparable && !row.rate_ratio.differs() ? Verdict::kSame : Verdict::kUnknown;
}

bool in_half_of(const RunsOfServer& runs, bool RunFigures::* member) {
  const auto count =
      std::ranges::count_if(runs, [&](const RunRecord* run) { return run->figures.*member; });
  return count > 0 && 2 * static_cast<std::size_t>(count) >= runs.size();
}

Row row_of(const std::string& server, const RunsOfServer& runs, const RunsOfServer& base,
           const WorkloadPlan& workload) {
  const load::Mode mode = workload.mode;
  const Figure rate = [mode](const RunFigures& figures) { return rate_of(figures, mode); };
  const Figure cpu = &RunFigures::cpu_per_request_ns;
  Row row;
  row.server = server;
  row.runs = runs.size();
  row.rate = quartiles(values(runs, rate));
  row.rate_ratio = ratio_of(runs, base, rate);
  row.cpu_ns = quartiles(values(runs, cpu));
  row.cpu_ratio = ratio_of(runs, base, cpu);
  row.p50_ns = median(runs, &RunFigures::p50_ns);
  row.p99_ns = median(runs, &RunFigures::p99_ns);
  row.jain = median_if_any(runs, &RunFigures::jain);
  row.min_max = median_if_any(runs, &RunFigures::min_max);
  row.server_cpu = median(runs, &RunFigures::server_cpu);
  row.generator_cpu = median(runs, &RunFigures::generator_cpu);
  for (const RunRecord* run : runs) {
    row.errors += load::total(run->figures.errors);
  }
  row.of_asked_rate = median_if_any(runs, &RunFigures::of_asked_rate);
  row.held_up = held_up(row, workload);
  row.packets_lost = in_half_of(runs, &RunFigures::packets_lost);
  row.stood_still = in_half_of(runs, &RunFigures::stood_still);
  row.doubts = doubts_about(row);
  return row;
}

void add_finding(std::vector<Finding>& findings, const RunRecord& record) {
  const auto same = [&record](const Finding& finding) {
    return finding.server == record.identity.server && finding.outcome == record.outcome &&
           finding.what == record.what;
  };
  auto found = std::ranges::find_if(findings, same);
  if (found == findings.end()) {
    findings.push_back({record.identity.server, record.outcome, record.what, {}, 0, {}});
    found = findings.end() - 1;
  }
  ++found->times;
  if (!record.said.empty()) found->said = record.said;
  const std::string& workload = record.identity.workload;
  if (std::ranges::count(found->workloads, workload) == 0) found->workloads.push_back(workload);
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kBase:
      return "base";
    case Verdict::kFaster:
      return "faster";
    case Verdict::kSlower:
      return "slower";
    case Verdict::kCheaper:
      return "less CPU";
    case Verdict::kDearer:
      return "more CPU";
    case Verdict::kSame:
      return "no difference";
    case Verdict::kUnknown:
      return "undecided";
  }
  return "";
}

WorkloadResult analyze(const WorkloadPlan& workload, const std::vector<ServerPlan>& servers,
                       const std::vector<RunRecord>& records) {
  WorkloadResult result{.name = workload.name,
                        .arguments = join_words(load_arguments(workload)),
                        .mode = workload.mode,
                        .size = workload.size,
                        .connections = workload.connections,
                        .rows = {}};
  RunsOfServer base;
  for (const ServerPlan& server : servers) {
    const RunsOfServer runs = runs_of_server(records, workload.name, server.name);
    if (runs.empty()) continue;
    if (base.empty()) base = runs;
    Row row = row_of(server.name, runs, base, workload);
    row.verdict = result.rows.empty() ? Verdict::kBase : verdict_on(row, result.rows.front());
    result.rows.push_back(std::move(row));
  }
  return result;
}

Analysis analyze(const Plan& plan, const std::vector<RunRecord>& records) {
  Analysis analysis;
  analysis.description = plan.description;
  for (const ServerPlan& server : plan.servers) {
    analysis.servers.push_back({server.name, join_words(server.words())});
  }
  for (const WorkloadPlan& workload : plan.workloads) {
    WorkloadResult result = analyze(workload, plan.servers, records);
    if (!result.rows.empty()) analysis.workloads.push_back(std::move(result));
  }
  std::set<RunPlace> places;
  for (const RunRecord& record : records) {
    if (record.outcome != Outcome::kMeasured) {
      add_finding(analysis.findings, record);
    } else {
      ++analysis.measured;
      if (places.insert(record.place).second) analysis.places.push_back(record.place);
    }
  }
  return analysis;
}

}  // namespace ouro::study
