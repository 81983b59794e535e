#include <fmt/format.h>

#include <algorithm>

#include "load/figures.h"
#include "load/page_style.h"
#include "load/svg_chart.h"
#include "study/report_text.h"
#include "study/reports.h"

namespace ouro::study {
namespace {

using load::escaped;

// As many as a chart's width holds with their names readable.
constexpr std::size_t kSeriesMost = 6;
constexpr std::size_t kGroupsMost = 6;
constexpr std::size_t kServersMost = 9;

// Beyond what the pages of `ouro load` need.
constexpr std::string_view kStudyStyle = R"css(
h2{font-size:17px;margin:26px 0 8px}
.story{padding:12px 16px 12px 34px}
.story li{margin:3px 0}
.method p{margin:6px 0}
pre{margin:4px 0 10px;white-space:pre-wrap;overflow-wrap:anywhere;color:var(--muted);
font:13px/1.4 ui-monospace,monospace}
main{max-width:1320px}
.tables table{font-size:13px}
.figures td:last-child{text-align:left;white-space:normal;min-width:90px}
.figures th:first-child{width:auto}
.doubted td{color:var(--warn)}
)css";

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

std::string family_chart(const Family& family) {
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
  return load::bar_chart(chart);
}

// Of very many servers: a few in each chart, always beside the first.
std::vector<std::string> charts_of_many(const WorkloadResult& workload) {
  std::vector<std::string> charts;
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
    charts.push_back(load::bar_chart(chart));
  }
  return charts;
}

std::string charts(const Analysis& analysis) {
  std::vector<std::string> drawn;
  for (const Family& family : families_of(analysis)) drawn.push_back(family_chart(family));
  for (const WorkloadResult& workload : analysis.workloads) {
    if (!has_many_servers(workload)) continue;
    for (std::string& chart : charts_of_many(workload)) drawn.push_back(std::move(chart));
  }
  std::string html = "<section class=\"grid charts\">\n";
  for (const std::string& one : drawn) html += "<figure class=\"card\">\n" + one + "</figure>\n";
  return html + "</section>\n";
}

std::string table(const WorkloadResult& workload) {
  std::string html =
      "<table class=\"figures\">\n<caption>" + escaped(workload.name) + "</caption>\n<tr>";
  for (const std::string& name : columns(workload)) html += "<th>" + escaped(name) + "</th>";
  html += "</tr>\n";
  for (const Row& row : workload.rows) {
    const std::vector<std::string> texts = cells(workload, row);
    html += row.doubts.empty() ? "<tr>" : "<tr class=\"doubted\">";
    html += "<th>" + escaped(texts.front()) + "</th>";
    for (std::size_t i = 1; i < texts.size(); ++i) html += "<td>" + escaped(texts[i]) + "</td>";
    html += "</tr>\n";
  }
  return html + "</table>\n<pre>ouro load 127.0.0.1:PORT " + escaped(workload.arguments) +
         "</pre>\n";
}

std::string tables(const Analysis& analysis) {
  std::string html = "<section class=\"card tables\">\n";
  for (const WorkloadResult& workload : analysis.workloads) html += table(workload);
  return html + "</section>\n";
}

std::string story(const Analysis& analysis) {
  std::string html = "<ul class=\"card story\">\n";
  for (const std::string& one : sentences(analysis)) html += "<li>" + escaped(one) + "</li>\n";
  return html + "</ul>\n";
}

std::string findings(const Analysis& analysis) {
  if (analysis.findings.empty()) return "";
  std::string html = "<h2>Servers in trouble</h2>\n<section class=\"card\">\n";
  for (const Finding& finding : analysis.findings) {
    html += "<p>" + escaped(finding_line(finding)) + "</p>\n";
    std::string said;
    for (const std::string& line : finding.said) said += escaped(line) + "\n";
    if (!said.empty()) html += "<pre>" + said + "</pre>\n";
  }
  return html + "</section>\n";
}

std::string method(const Analysis& analysis) {
  std::string html = "<h2>Where and how</h2>\n<section class=\"card method\">\n";
  for (const std::string& line : machine_lines(analysis)) html += "<p>" + escaped(line) + "</p>\n";
  for (const std::string& line : method_lines(analysis)) html += "<p>" + escaped(line) + "</p>\n";
  html += "<table>\n";
  for (const ServerLine& server : analysis.servers) {
    html +=
        "<tr><th>" + escaped(server.name) + "</th><td>" + escaped(server.command) + "</td></tr>\n";
  }
  return html + "</table>\n</section>\n";
}

}  // namespace

std::string html_report(const Analysis& analysis, std::string_view version) {
  const std::string title = escaped("ouro study: " + analysis.title);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
      title + "</title>\n<style>";
  html += load::page_style();
  html += kStudyStyle;
  html += load::chart_style();
  html += "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>" + title + "</h1>\n<p>" +
          escaped(analysis.description) + "</p>\n</header>\n";
  html += story(analysis) + charts(analysis) + findings(analysis) + "<h2>Workloads</h2>\n" +
          tables(analysis) + method(analysis);
  return html + "<footer>ouro " + escaped(version) + " study</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace ouro::study
