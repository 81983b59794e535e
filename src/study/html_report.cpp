#include "load/page_style.h"
#include "load/svg_chart.h"
#include "study/charts.h"
#include "study/report_text.h"
#include "study/reports.h"

namespace ouro::study {
namespace {

using load::escaped;

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

std::string chart_cards(const Analysis& analysis) {
  std::string html = "<section class=\"grid charts\">\n";
  for (const Chart& chart : charts(analysis)) {
    html += "<figure class=\"card\">\n" + chart.svg + "</figure>\n";
  }
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
  html += story(analysis) + chart_cards(analysis) + findings(analysis) + "<h2>Workloads</h2>\n" +
          tables(analysis) + method(analysis);
  return html + "<footer>ouro " + escaped(version) + " study</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace ouro::study
