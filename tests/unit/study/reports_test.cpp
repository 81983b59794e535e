#include "study/reports.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "study/charts.h"
#include "study/report_text.h"
#include "unit/load/balanced_tags.h"
#include "unit/study/sample_records.h"

namespace ouro::study {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<RunRecord> sample_runs() {
  std::vector<RunRecord> records;
  for (const unsigned round : {1u, 2u, 3u}) {
    records.push_back(sample_record("base", round, 100'000 + 100 * round));
    records.push_back(sample_record("other", round, 120'000 + 150 * round));
  }
  return records;
}

Analysis sample_analysis(const std::vector<RunRecord>& records = sample_runs()) {
  Analysis analysis = analyze(sample_plan(), records);
  analysis.title = "sample";
  analysis.planned = 6;
  return analysis;
}

// What follows the style, which is no markup, and what goes before.
std::string markup(const Analysis& analysis) {
  std::string page = html_report(analysis, "1.2.3");
  page.erase(0, page.find('\n') + 1);
  return page.substr(0, page.find("<style>")) + page.substr(page.find("</style>") + 8);
}

TEST(StudyReport, the_page_is_well_formed_whatever_was_found) {
  EXPECT_EQ(load::tag_trouble(markup(sample_analysis())), "");
  EXPECT_EQ(load::tag_trouble(markup(Analysis{})), "");
  EXPECT_THAT(markup(Analysis{}), Not(HasSubstr("nan")));
}

TEST(StudyReport, the_page_needs_no_network_and_no_script) {
  const std::string page = html_report(sample_analysis(), "1.2.3");
  for (const char* word : {"<script", "<link", "src=", "href=", "url(", "@import"}) {
    EXPECT_THAT(page, Not(HasSubstr(word)));
  }
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
}

TEST(StudyReport, each_chart_is_a_picture_of_its_own_that_the_markdown_shows) {
  Plan plan = sample_plan();
  std::vector<RunRecord> records = sample_runs();
  for (int i = 0; i < 7; ++i) {  // more than one chart holds, and the other has the same title
    plan.workloads.push_back(plan.workloads[0]);
    plan.workloads.back().name += fmt::format(" again {}", i);
    for (RunRecord record : sample_runs()) {
      record.identity.workload = plan.workloads.back().name;
      records.push_back(record);
    }
  }
  const Analysis analysis = analyze(plan, records);
  const std::string markdown = markdown_report(analysis);
  std::set<std::string> names;
  for (const Chart& chart : charts(analysis)) {
    EXPECT_THAT(markdown, HasSubstr("](charts/" + chart.file_name() + ")"));
    EXPECT_THAT(chart.file(), testing::StartsWith("<svg"));
    EXPECT_THAT(chart.file(), HasSubstr("<style>"));
    EXPECT_TRUE(names.insert(chart.file_name()).second) << chart.file_name();
  }
  EXPECT_EQ(names.size(), 2U);
}

TEST(StudyReport, hostile_names_are_text) {
  Plan plan = sample_plan();
  plan.description = plan.workloads[0].name = "<script>alert('1')</script>|`x`";
  plan.servers[1].name = "</td><img src=x>";
  std::vector<RunRecord> records = sample_runs();
  for (RunRecord& record : records) {
    record.identity.workload = plan.workloads[0].name;
    if (record.identity.server == "other") record.identity.server = plan.servers[1].name;
  }
  RunRecord failure = sample_failure("<b>", Outcome::kCrashed, "<i>died</i>");
  failure.said = {"</pre><script>"};
  records.push_back(failure);
  const Analysis analysis = analyze(plan, records);
  EXPECT_EQ(load::tag_trouble(markup(analysis)), "");
  EXPECT_THAT(markup(analysis), Not(HasSubstr("<script")));
  EXPECT_THAT(markup(analysis), Not(HasSubstr("<img")));
  EXPECT_THAT(markdown_report(analysis), Not(HasSubstr("\n### <script>")));
  EXPECT_THAT(markdown_report(analysis),
              HasSubstr("\\<script\\>alert('1')\\</script\\>\\|\\`x\\`"));
}

TEST(StudyReport, rows_not_to_be_trusted_are_marked_in_both) {
  std::vector<RunRecord> records = sample_runs();
  records[1].figures.requests_per_second *= 4;
  const Analysis analysis = sample_analysis(records);
  EXPECT_THAT(markdown_report(analysis), HasSubstr("; ! spread 150 %"));
  EXPECT_THAT(markup(analysis), HasSubstr("<tr class=\"doubted\"><th>other</th>"));
  EXPECT_THAT(markdown_report(sample_analysis()), Not(HasSubstr("! ")));
}

TEST(StudyReport, a_table_has_the_figures_in_columns) {
  const std::string text = markdown_report(sample_analysis());
  EXPECT_THAT(text, HasSubstr("### request 1KiB x 64"));
  EXPECT_THAT(text, HasSubstr("| base | 100200 | 100150 - 100250 | 1 | 50.0 us | 90.0 us |"));
  EXPECT_THAT(text, HasSubstr("| faster |"));
  const WorkloadResult workload = sample_analysis().workloads[0];
  EXPECT_EQ(cells(workload, workload.rows[1]).size(), columns(workload).size());
}

TEST(StudyReport, says_where_and_how_it_was_measured) {
  const std::string text = markdown_report(sample_analysis());
  EXPECT_THAT(text, HasSubstr("Linux 6.1, A CPU, 2 CPUs, ouro 0.1.0; server pinned to CPU 0, "
                              "generator to CPU 1."));
  EXPECT_THAT(text, HasSubstr("6 of 6 runs were measured"));
  EXPECT_THAT(text, HasSubstr("./other {port}"));
}

TEST(StudyReport, one_cpu_for_both_is_said) {
  std::vector<RunRecord> records = sample_runs();
  for (RunRecord& record : records) record.place.generator_cpu = 0;
  EXPECT_THAT(markdown_report(sample_analysis(records)), HasSubstr("shared CPU 0, the only one"));
}

TEST(StudyReport, the_last_words_of_a_crashed_server_are_there) {
  std::vector<RunRecord> records = sample_runs();
  RunRecord failure = sample_failure("other", Outcome::kCrashed, "was killed by SIGSEGV");
  failure.said = {"bug: index 7 & out of range"};
  records.push_back(failure);
  const Analysis analysis = sample_analysis(records);
  EXPECT_THAT(markdown_report(analysis), HasSubstr("bug: index 7 & out of range"));
  EXPECT_THAT(markup(analysis), HasSubstr("bug: index 7 &amp; out of range"));
}

TEST(StudyReport, many_servers_and_workloads_make_charts_too) {
  Plan plan = sample_plan();
  std::vector<RunRecord> records;
  for (int server = 0; server < 20; ++server) {
    const std::string name = "server " + std::to_string(server);
    plan.servers.push_back({name, {"x"}});
    for (const unsigned round : {1u, 2u}) records.push_back(sample_record(name, round, 1000));
  }
  EXPECT_EQ(load::tag_trouble(markup(analyze(plan, records))), "");
}

TEST(StudySummary, is_json_with_every_row) {
  const auto json = nlohmann::json::parse(summary_json(sample_analysis(), "1.2.3"));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["ouro"], "1.2.3");
  EXPECT_EQ(json["runs_measured"], 6);
  EXPECT_FALSE(json["sentences"].empty());
  const auto& row = json["workloads"][0]["rows"][1];
  EXPECT_EQ(row["server"], "other");
  EXPECT_EQ(row["rate"]["median"], 120'300);
  EXPECT_EQ(row["rate_ratio"]["pairs"], 3);
  EXPECT_EQ(row["rate_ratio"]["interval"].size(), 2u);
  EXPECT_EQ(row["verdict"], "faster");
  EXPECT_EQ(json["places"][0]["generator_cpu"], 1);
}

TEST(StudySummary, of_nothing_is_json_too) {
  EXPECT_EQ(nlohmann::json::parse(summary_json(Analysis{}, "1"))["workloads"].size(), 0u);
}

}  // namespace
}  // namespace ouro::study
