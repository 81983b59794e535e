#include <fmt/format.h>

#include <iterator>

#include "study/charts.h"
#include "study/report_text.h"
#include "study/reports.h"

namespace ouro::study {
namespace {

// Names and errors come from outside and must not become markup.
std::string plain(std::string_view text) {
  std::string safe;
  for (const char letter : text) {
    if (std::string_view("\\`*_[]<>|#&").find(letter) != std::string_view::npos) safe += '\\';
    safe += letter == '\n' ? ' ' : letter;
  }
  return safe;
}

void add_row(std::string& text, const std::vector<std::string>& row, bool escape) {
  for (const std::string& cell : row) text += "| " + (escape ? plain(cell) : cell) + " ";
  text += "|\n";
}

void add_table(std::string& text, const WorkloadResult& workload) {
  fmt::format_to(std::back_inserter(text), "\n### {}\n\n", plain(workload.name));
  const std::vector<std::string> names = columns(workload);
  add_row(text, names, true);
  std::vector<std::string> rule(names.size(), "---:");
  rule.front() = rule.back() = ":---";
  add_row(text, rule, false);
  for (const Row& row : workload.rows) add_row(text, cells(workload, row), true);
  // Indented text is taken as it is.
  fmt::format_to(std::back_inserter(text), "\n    ouro load 127.0.0.1:PORT {}\n",
                 workload.arguments);
}

void add_findings(std::string& text, const std::vector<Finding>& findings) {
  if (findings.empty()) return;
  text += "\n## Servers in trouble\n\n";
  for (const Finding& finding : findings) {
    text += "- " + plain(finding_line(finding)) + "\n";
    if (finding.said.empty()) continue;
    text += "\n";
    for (const std::string& line : finding.said) text += "      " + line + "\n";
    text += "\n";
  }
}

}  // namespace

std::string markdown_report(const Analysis& analysis) {
  std::string text = fmt::format("# ouro study: {}\n", plain(analysis.title));
  if (!analysis.description.empty()) text += "\n" + plain(analysis.description) + "\n";
  text += "\n";
  for (const std::string& sentence : sentences(analysis)) text += "- " + plain(sentence) + "\n";
  add_findings(text, analysis.findings);
  text += "\n## Where and how\n";
  for (const std::string& line : machine_lines(analysis)) text += "\n" + plain(line) + "\n";
  for (const std::string& line : method_lines(analysis)) text += "\n" + line + "\n";
  text += "\n";
  for (const ServerLine& server : analysis.servers) {
    text += fmt::format("- {}:\n\n      {}\n\n", plain(server.name), server.command);
  }
  text += "## Charts\n";
  for (const Chart& chart : charts(analysis)) {
    text += fmt::format("\n![{}](charts/{})\n", plain(chart.title), chart.file_name());
  }
  text += "\n## Workloads\n";
  for (const WorkloadResult& workload : analysis.workloads) add_table(text, workload);
  text += "\nThe figures of every single run are in `raw/`, these ones in `summary.json`.\n";
  return text;
}

}  // namespace ouro::study
