#include "study/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "load/svg_chart.h"
#include "study/words.h"

namespace ouro::study {
namespace {

// As many as a chart's width holds with their names readable.
constexpr std::size_t kSeriesMost = 6;
constexpr std::size_t kGroupsMost = 6;
constexpr std::size_t kServersMost = 9;

load::Axis rate_axis(load::Mode mode) {
  const bool stream = mode == load::Mode::kStream;
  return {.name = stream ? "received" : "requests per second",
          .unit = stream ? load::Unit::kBitsPerSecond : load::Unit::kCount,
          .ticks = {}};
}

load::ChartBar bar_of(const Row& row) { return {row.rate.median, row.rate.low, row.rate.high}; }

// The bar of a server that has none leaves a gap.
load::ChartBar bar_of(const WorkloadResult& workload, const std::string& server) {
  const auto found = std::ranges::find(workload.rows, server, &Row::server);
  return found == workload.rows.end() ? load::ChartBar{} : bar_of(*found);
}

using Family = std::vector<const WorkloadResult*>;

std::vector<std::string> servers_of(const WorkloadResult& workload) {
  std::vector<std::string> names;
  names.reserve(workload.rows.size());
  for (const Row& row : workload.rows) names.push_back(row.server);
  return names;
}

bool has_many_servers(const WorkloadResult& workload) { return workload.rows.size() > kSeriesMost; }

// Workloads that differ in their number of connections go into one chart.
bool same_family(const WorkloadResult& one, const WorkloadResult& other) {
  return one.mode == other.mode && one.size == other.size && servers_of(one) == servers_of(other);
}

std::vector<Family> families_of(const Analysis& analysis) {
  std::vector<Family> families;
  for (const WorkloadResult& workload : analysis.workloads) {
    if (has_many_servers(workload)) continue;
    const auto fits = [&workload](const Family& family) {
      return family.size() < kGroupsMost && same_family(*family.front(), workload);
    };
    const auto found = std::ranges::find_if(families, fits);
    if (found == families.end()) {
      families.push_back({&workload});
    } else {
      found->push_back(&workload);
    }
  }
  return families;
}

// Groups are named for their connections, where that tells them apart.
bool connections_differ(const Family& family) {
  std::vector<std::size_t> counts;
  counts.reserve(family.size());
  for (const WorkloadResult* workload : family) counts.push_back(workload->connections);
  std::ranges::sort(counts);
  return std::ranges::adjacent_find(counts) == counts.end();
}

Chart family_chart(const Family& family) {
  const WorkloadResult& first = *family.front();
  const bool by_connections = family.size() > 1 && connections_differ(family);
  const std::string title = fmt::format("{} {}", load::to_string(first.mode), first.size);
  load::BarChart chart{.title = by_connections ? title + ", by number of connections" : title,
                       .y = rate_axis(first.mode),
                       .series = servers_of(first),
                       .groups = {}};
  for (const WorkloadResult* workload : family) {
    load::BarGroup group{by_connections ? fmt::format("{}", workload->connections) : workload->name,
                         {}};
    for (const std::string& server : chart.series) group.bars.push_back(bar_of(*workload, server));
    chart.groups.push_back(std::move(group));
  }
  return {chart.title, load::bar_chart(chart)};
}

// Of very many servers: a few in each chart, always beside the first.
void add_charts_of_many(const WorkloadResult& workload, std::vector<Chart>& charts) {
  const std::vector<Row>& rows = workload.rows;
  for (std::size_t begin = 1; begin < rows.size(); begin += kServersMost - 1) {
    const std::size_t end = std::min(begin + kServersMost - 1, rows.size());
    load::BarChart chart{.title = workload.name,
                         .y = rate_axis(workload.mode),
                         .series = {"rate"},
                         .groups = {{rows[0].server, {bar_of(rows[0])}}}};
    for (std::size_t i = begin; i < end; ++i) {
      chart.groups.push_back({rows[i].server, {bar_of(rows[i])}});
    }
    const std::string part = begin == 1 ? "" : fmt::format(", servers from {} on", begin);
    charts.push_back({chart.title + part, load::bar_chart(chart)});
  }
}

// Each is a file of its own.
void name_apart(std::vector<Chart>& charts) {
  std::map<std::string, int> seen;
  for (Chart& chart : charts) {
    const int number = ++seen[chart.file_name()];
    if (number > 1) chart.title += fmt::format(" ({})", number);
  }
}

}  // namespace

std::vector<Chart> charts(const Analysis& analysis) {
  std::vector<Chart> drawn;
  for (const Family& family : families_of(analysis)) drawn.push_back(family_chart(family));
  for (const WorkloadResult& workload : analysis.workloads) {
    if (has_many_servers(workload)) add_charts_of_many(workload, drawn);
  }
  name_apart(drawn);
  return drawn;
}

std::string Chart::file_name() const { return file_word(title) + ".svg"; }

std::string Chart::file() const {
  std::string text = svg;
  text.insert(text.find('>') + 1, "<style>" + std::string(load::chart_style()) + "</style>");
  return text;
}

}  // namespace ouro::study
