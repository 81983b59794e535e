#include "load/html_report.h"

#include <fmt/format.h>

#include <vector>

#include "load/figures.h"
#include "load/page_style.h"
#include "load/summary.h"
#include "load/svg_chart.h"
#include "os/machine.h"

namespace ouro::load {
namespace {

double number(std::uint64_t value) { return static_cast<double>(value); }

void add_head(std::string& html, std::string_view name, std::string_view value, bool bad = false) {
  html += fmt::format("<div class=\"card{}\"><b>{}</b><span>{}</span></div>\n", bad ? " bad" : "",
                      escaped(value), escaped(name));
}

std::string trouble_count(const Results& results) {
  const std::uint64_t errors = total(results.errors);
  return errors == 0 ? "none" : fmt::format("{}", errors);
}

std::string heads(const Results& results) {
  const Histogram& times = results.latency.count() > 0 ? results.latency : results.service;
  std::string html = "<section class=\"grid heads\">\n";
  if (results.options.mode == Mode::kStream) {
    add_head(html, "received",
             figure(per_second(results, results.bytes_received) * 8, Unit::kBitsPerSecond));
  } else {
    add_head(html, "requests per second",
             fmt::format("{:.0f}", per_second(results, results.requests)));
  }
  if (times.count() > 0) {
    add_head(html, "median latency", figure(number(times.quantile(0.5)), Unit::kNanoseconds));
    add_head(html, "p99 latency", figure(number(times.quantile(0.99)), Unit::kNanoseconds));
    add_head(html, "p99.9 latency", figure(number(times.quantile(0.999)), Unit::kNanoseconds));
  }
  if (!results.connections.empty()) {
    const Fairness fair = fairness(results);
    add_head(html, "fairness (Jain's index)", fmt::format("{:.4f}", fair.jain), fair.starved > 0);
  }
  add_head(html, "errors", trouble_count(results), !results.errors.empty());
  if (results.options.verify && results.bytes_received > 0) {
    add_head(html, "bytes verified", results.corrupt == 0 ? "ok" : "WRONG", results.corrupt > 0);
  }
  return html + "</section>\n";
}

std::string remark_list(const Results& results) {
  const std::vector<std::string> sentences = remarks(results);
  if (sentences.empty()) return "";
  std::string html = "<ul class=\"remarks\">\n";
  for (const std::string& sentence : sentences) html += "<li>" + escaped(sentence) + "</li>\n";
  return html + "</ul>\n";
}

// A line over the seconds; each stands where it ended.
ChartSeries over_time(const Results& results, std::string name, auto value) {
  ChartSeries series{std::move(name), {}};
  double at = 0;
  for (const SecondResult& second : results.timeline) {
    at += second.seconds;
    series.points.push_back({at, value(second)});
  }
  return series;
}

Axis time_axis() { return {.name = "time", .unit = Unit::kSeconds, .ticks = {}}; }

Axis latency_axis(Scale scale) {
  return {.name = "latency", .unit = Unit::kNanoseconds, .scale = scale, .ticks = {}};
}

std::string latency_chart(const Results& results) {
  const auto of = [&results](std::string name, std::uint64_t SecondResult::* member) {
    return over_time(results, std::move(name),
                     [member](const SecondResult& second) { return number(second.*member); });
  };
  return line_chart({.title = "Latency over time",
                     .x = time_axis(),
                     .y = latency_axis(Scale::kLog),
                     .series = {of("p50", &SecondResult::p50_ns), of("p99", &SecondResult::p99_ns),
                                of("max", &SecondResult::max_ns)}});
}

std::string rate_chart(const Results& results) {
  const bool stream = results.options.mode == Mode::kStream;
  const auto rate = [stream](const SecondResult& second) {
    const double amount = stream ? number(second.bytes) * 8 : number(second.requests);
    return second.seconds > 0 ? amount / second.seconds : 0;
  };
  const Axis axis{.name = stream ? "received" : "requests per second",
                  .unit = stream ? Unit::kBitsPerSecond : Unit::kCount,
                  .ticks = {}};
  return line_chart({.title = "Throughput over time",
                     .x = time_axis(),
                     .y = axis,
                     .series = {over_time(results, axis.name, rate)}});
}

// One in x is slower: 10 is the 90th percentile, 100 the 99th. Ends where one sample is left.
ChartSeries percentiles(std::string name, const Histogram& times) {
  constexpr double kStep = 1.122;  // twenty points from one power of ten to the next
  ChartSeries series{std::move(name), {}};
  const double count = number(times.count());
  double one_in = 1;
  while (one_in < count) {
    series.points.push_back({one_in, number(times.quantile(1 - 1 / one_in))});
    one_in *= kStep;
  }
  if (count > 0) series.points.push_back({count, number(times.max())});
  return series;
}

Axis percentile_axis() {
  Axis axis{.name = "percentile", .unit = Unit::kCount, .scale = Scale::kLog, .ticks = {}};
  axis.ticks = {{1, "0"},       {2, "50"},       {10, "90"},       {100, "99"},      {1e3, "99.9"},
                {1e4, "99.99"}, {1e5, "99.999"}, {1e6, "99.9999"}, {1e7, "99.99999"}};
  return axis;
}

std::string percentile_chart(const Results& results) {
  LineChart chart{.title = "Latency by percentile",
                  .x = percentile_axis(),
                  .y = latency_axis(Scale::kLog),
                  .series = {}};
  if (open_loop(results.options.mode)) {
    chart.series.push_back(percentiles("from intended", results.latency));
    chart.series.push_back(percentiles("from sending", results.service));
  } else {
    chart.series.push_back(percentiles("response", results.service));
  }
  return line_chart(chart);
}

std::string fairness_chart(const Results& results) {
  const bool stream = results.options.mode == Mode::kStream;
  SharesChart chart{.title = "Share of each connection",
                    .y = {.name = stream ? "bytes received per second" : "requests per second",
                          .unit = stream ? Unit::kBytes : Unit::kCount,
                          .ticks = {}},
                    .of_what = "connections",
                    .shares = connection_shares(results),
                    .fair = {}};
  double sum = 0;
  for (const double share : chart.shares) sum += share;
  if (!chart.shares.empty()) chart.fair = sum / number(chart.shares.size());
  return shares_chart(chart);
}

std::string charts(const Results& results) {
  std::vector<std::string> drawn{rate_chart(results), latency_chart(results),
                                 percentile_chart(results)};
  if (!results.connections.empty()) drawn.push_back(fairness_chart(results));
  std::string html = "<section class=\"grid charts\">\n";
  for (const std::string& chart : drawn)
    html += "<figure class=\"card\">\n" + chart + "</figure>\n";
  return html + "</section>\n";
}

std::string heading_row(const SummarySection& section) {
  std::string html = "<tr><th></th>";
  for (const std::string& column : section.columns) html += "<th>" + escaped(column) + "</th>";
  return html + "</tr>\n";
}

std::string table(const SummarySection& section) {
  const bool figures = !section.columns.empty();
  std::string html = figures ? "<table class=\"figures\">\n" : "<table>\n";
  if (!section.name.empty()) html += "<caption>" + escaped(section.name) + "</caption>\n";
  if (figures) html += heading_row(section);
  for (const SummaryRow& row : section.rows) {
    html += "<tr><th>" + escaped(row.name) + "</th>";
    for (const std::string& cell : row.cells) html += "<td>" + escaped(cell) + "</td>";
    html += "</tr>\n";
  }
  html += "</table>\n";
  if (!section.note.empty()) html += "<p class=\"note\">" + escaped(section.note) + "</p>\n";
  return html;
}

std::string tables(const Results& results) {
  std::string html = "<section class=\"card tables\">\n";
  for (const SummarySection& section : summarize(results)) html += table(section);
  return html + "</section>\n";
}

std::string footer(std::string_view version) {
  const os::Machine machine = os::this_machine();
  return fmt::format("<footer>ouro {} load, on Linux {}, {}, {} CPU{}</footer>\n", escaped(version),
                     escaped(machine.kernel), escaped(machine.cpu), machine.cpus,
                     machine.cpus == 1 ? "" : "s");
}

}  // namespace

std::string html_report(const Results& results, std::string_view version) {
  const std::string target = escaped(results.options.target.text);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>ouro "
      "load " +
      target + "</title>\n<style>";
  html += page_style();
  html += chart_style();
  html += "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>ouro load " + target + "</h1>\n<p>" +
          escaped(load_text(results.options)) + fmt::format(", {:.1f} s", results.seconds) +
          "</p>\n</header>\n";
  html += heads(results) + remark_list(results) + charts(results) + tables(results);
  return html + footer(version) + "</main>\n</body>\n</html>\n";
}

}  // namespace ouro::load
