// Who won what and by how much: the words at the top of a report, made from its figures.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "study/analysis.h"

namespace ouro::study {
namespace {

constexpr std::size_t kSentencesMost = 6;  // about servers, before the rest is put together

struct Difference {
  std::string workload;
  double ratio = 1;
};

// What one server did in all workloads, beside their first server.
struct Record {
  std::string server;
  std::string base;
  std::map<Verdict, std::vector<Difference>> by_verdict;

  [[nodiscard]] std::size_t count(Verdict verdict) const {
    const auto found = by_verdict.find(verdict);
    return found == by_verdict.end() ? 0 : found->second.size();
  }
  // How much there is to tell: the largest distance from "the same".
  [[nodiscard]] double size() const {
    double largest = 0;
    for (const auto& [verdict, differences] : by_verdict) {
      if (verdict == Verdict::kSame || verdict == Verdict::kUnknown) continue;
      for (const Difference& one : differences) {
        largest = std::max(largest, std::abs(one.ratio - 1));
      }
    }
    return largest;
  }
};

std::vector<Record> records_of(const Analysis& analysis) {
  std::vector<Record> records;
  for (const WorkloadResult& workload : analysis.workloads) {
    for (const Row& row : workload.rows) {
      if (row.verdict == Verdict::kBase) continue;
      const std::string& base = workload.rows.front().server;
      const auto same = [&](const Record& one) {
        return one.server == row.server && one.base == base;
      };
      auto found = std::ranges::find_if(records, same);
      if (found == records.end()) found = records.insert(found, Record{row.server, base, {}});
      const bool by_cpu = row.verdict == Verdict::kCheaper || row.verdict == Verdict::kDearer;
      const PairedRatio& ratio = by_cpu ? row.cpu_ratio : row.rate_ratio;
      found->by_verdict[row.verdict].push_back({workload.name, ratio.median});
    }
  }
  return records;
}

double distance(const Difference& one) { return std::abs(one.ratio - 1); }

std::string percents(std::vector<Difference> differences) {
  std::ranges::sort(differences, {}, distance);
  const double least = distance(differences.front()) * 100;
  const double most = distance(differences.back()) * 100;
  const std::string least_text = fmt::format("{:.1f}", least);
  const std::string most_text = fmt::format("{:.1f}", most);
  if (differences.size() == 1 || least_text == most_text) return "by " + most_text + " %";
  return fmt::format("by {} to {} %, most in \"{}\"", least_text, most_text,
                     differences.back().workload);
}

std::string where(const std::vector<Difference>& differences) {
  return differences.size() == 1 ? fmt::format("\"{}\"", differences.front().workload)
                                 : fmt::format("{} workloads", differences.size());
}

std::string sentence_about(const Record& record) {
  std::vector<std::string> parts;
  const auto add = [&](Verdict verdict, std::string_view words) {
    const auto found = record.by_verdict.find(verdict);
    if (found == record.by_verdict.end()) return;
    parts.push_back(
        fmt::format("{} in {} ({})", words, where(found->second), percents(found->second)));
  };
  add(Verdict::kFaster, "faster");
  add(Verdict::kSlower, "slower");
  add(Verdict::kCheaper, "took less CPU per request");
  add(Verdict::kDearer, "took more CPU per request");
  if (const std::size_t same = record.count(Verdict::kSame)) {
    parts.push_back(fmt::format("showed no difference beyond the noise in {}", same));
  }
  if (const std::size_t unknown = record.count(Verdict::kUnknown)) {
    parts.push_back(fmt::format("undecided in {}", unknown));
  }
  return fmt::format("{} against {}: {}.", record.server, record.base, fmt::join(parts, "; "));
}

// The one whose quartiles lie above those of all others, if the pairs say the same; nobody if there
// is doubt, or where the rate was not the server's choice.
const Row* winner(const WorkloadResult& workload) {
  if (load::open_loop(workload.mode)) return nullptr;
  const auto best =
      std::ranges::max_element(workload.rows, {}, [](const Row& row) { return row.rate.median; });
  for (const Row& row : workload.rows) {
    const bool doubtful = row.runs < 2 || row.rate.spread() > kSpreadMost;
    if (doubtful || row.generator_limited()) return nullptr;
    if (&row == &*best) continue;
    if (row.rate.high >= best->rate.low) return nullptr;
    // Pairs were made with the base alone.
    if (best->verdict == Verdict::kBase && row.verdict != Verdict::kSlower) return nullptr;
  }
  const bool shown = best->verdict == Verdict::kBase || best->verdict == Verdict::kFaster;
  return shown ? &*best : nullptr;
}

std::string who_was_fastest(const Analysis& analysis) {
  std::map<std::string, std::size_t> wins;
  std::size_t contests = 0;
  for (const WorkloadResult& workload : analysis.workloads) {
    if (workload.rows.size() < 2 || load::open_loop(workload.mode)) continue;
    ++contests;
    if (const Row* row = winner(workload)) ++wins[row->server];
  }
  if (wins.empty()) return "";
  std::vector<std::pair<std::string, std::size_t>> ranking(wins.begin(), wins.end());
  std::ranges::sort(ranking, [](const auto& one, const auto& other) {
    return std::pair(other.second, one.first) < std::pair(one.second, other.first);
  });
  std::vector<std::string> parts;
  parts.reserve(ranking.size());
  for (const auto& [server, count] : ranking) {
    parts.push_back(fmt::format("{} in {}", server, count));
  }
  return fmt::format("Highest rate, beyond the noise, of {} workload{}: {}.", contests,
                     contests == 1 ? "" : "s", fmt::join(parts, ", "));
}

void add_about_trust(const Analysis& analysis, std::vector<std::string>& all) {
  std::size_t limited = 0;
  std::size_t held_up = 0;
  std::size_t uneven = 0;
  std::size_t rows = 0;
  for (const WorkloadResult& workload : analysis.workloads) {
    for (const Row& row : workload.rows) {
      ++rows;
      limited += row.generator_limited() ? 1 : 0;
      held_up += row.held_up ? 1 : 0;
      uneven += row.rate.spread() > kSpreadMost ? 1 : 0;
    }
  }
  if (limited > 0) {
    all.push_back(fmt::format(
        "In {} of {} rows the generator was the limit and not the server: there, compare CPU per "
        "request and not the rate.",
        limited, rows));
  }
  if (held_up > 0) {
    all.push_back(fmt::format(
        "In {} of {} rows neither the server nor the generator was at its limit: something else "
        "took the CPUs, so measure again on a quiet machine.",
        held_up, rows));
  }
  if (uneven > 0) {
    all.push_back(fmt::format("{} of {} rows spread too widely to be trusted.", uneven, rows));
  }
}

}  // namespace

std::vector<std::string> sentences(const Analysis& analysis) {
  std::vector<std::string> all;
  std::vector<Record> records = records_of(analysis);
  std::ranges::sort(records, [](const Record& one, const Record& other) {
    return std::pair(other.size(), one.server) < std::pair(one.size(), other.server);
  });
  if (const std::string fastest = who_was_fastest(analysis); !fastest.empty()) {
    all.push_back(fastest);
  }
  std::vector<std::string> rest;
  std::size_t decided = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool tells = i < kSentencesMost && (records[i].size() > 0 || records.size() <= 3);
    if (tells) {
      all.push_back(sentence_about(records[i]));
    } else {
      decided += records[i].by_verdict.size() - (records[i].count(Verdict::kUnknown) > 0 ? 1 : 0);
      rest.push_back(records[i].server);
    }
  }
  if (!rest.empty()) {
    all.push_back(fmt::format("{}, see the tables: {}.",
                              decided > 0 ? "Smaller, no or undecided differences" : "Undecided",
                              fmt::join(rest, ", ")));
  }
  for (const Finding& finding : analysis.findings) {
    all.push_back(
        fmt::format("{}: {} ({}).", finding.server, to_string(finding.outcome), finding.what));
  }
  add_about_trust(analysis, all);
  if (analysis.places.size() > 1) {
    all.emplace_back(
        "The runs were made on several machines, kernels or versions of ouro: "
        "comparing them means little.");
  }
  if (analysis.interrupted) {
    all.push_back(fmt::format("The study was interrupted: {} of {} runs were measured.",
                              analysis.measured, analysis.planned));
  }
  return all;
}

}  // namespace ouro::study
