#include "load/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/load/balanced_tags.h"
#include "unit/load/sample_results.h"

namespace ouro::load {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kDocumentType = "<!DOCTYPE html>\n";

// What follows the style, which is no markup, and what goes before.
std::string markup(const Results& results) {
  std::string page = html_report(results, "1.2.3");
  page.erase(0, kDocumentType.size());
  const std::size_t begin = page.find("<style>");
  const std::size_t end = page.find("</style>");
  return page.substr(0, begin) + "<style>" + page.substr(end);
}

TEST(HtmlReport, is_well_formed_in_every_mode) {
  for (const Mode mode : {Mode::kRequest, Mode::kStream, Mode::kRate, Mode::kChurn, Mode::kIdle}) {
    Results results = sample_results();
    results.options.mode = mode;
    results.interrupted = true;
    results.server = ServerResult{};
    EXPECT_EQ(tag_trouble(markup(results)), "");
  }
}

TEST(HtmlReport, a_run_that_found_nothing_makes_a_page_too) {
  EXPECT_EQ(tag_trouble(markup(Results{})), "");
  EXPECT_THAT(markup(Results{}), Not(HasSubstr("nan")));
}

TEST(HtmlReport, needs_no_network_and_no_script) {
  const std::string page = html_report(sample_results(), "1.2.3");
  EXPECT_THAT(page, StartsWith(std::string{kDocumentType}));
  for (const char* word : {"<script", "<link", "src=", "href=", "url(", "@import"}) {
    EXPECT_THAT(page, Not(HasSubstr(word)));
  }
}

TEST(HtmlReport, hostile_names_are_text) {
  Results results = sample_results();
  results.options.target.text = "http://x/\"><script>alert('1')</script>&amp;";
  results.errors = {{"</td><img src=x onerror=y>", 3}};
  EXPECT_EQ(tag_trouble(markup(results)), "");
  EXPECT_THAT(markup(results), Not(HasSubstr("<script")));
  EXPECT_THAT(markup(results), Not(HasSubstr("<img")));
  EXPECT_THAT(markup(results),
              HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;"));
}

TEST(HtmlReport, figures_and_remarks_are_at_the_top) {
  Results results = sample_results();
  results.thread_cpu = {0.98};
  const std::string page = markup(results);
  EXPECT_THAT(page, HasSubstr("<b>1000</b><span>requests per second</span>"));
  EXPECT_THAT(page, HasSubstr("<li>the generator was the limit"));
  EXPECT_LT(page.find("<li>the generator"), page.find("<svg"));
}

TEST(HtmlReport, shows_time_percentiles_and_shares) {
  const std::string page = markup(sample_results());
  for (const char* title : {"Throughput over time", "Latency over time", "Latency by percentile",
                            "Share of each connection"}) {
    EXPECT_THAT(page, HasSubstr(std::string{"aria-label=\""} + title));
  }
}

TEST(HtmlReport, an_open_loop_shows_both_curves) {
  Results results = sample_results();
  results.options.mode = Mode::kRate;
  results.options.rate = 1000;
  EXPECT_THAT(markup(results), HasSubstr(">from intended</text>"));
  EXPECT_THAT(markup(results), HasSubstr(">from sending</text>"));
}

TEST(HtmlReport, wrong_bytes_cannot_be_overlooked) {
  Results results = sample_results();
  results.options.verify = true;
  EXPECT_THAT(markup(results), HasSubstr("<b>ok</b><span>bytes verified"));
  results.corrupt = 1;
  EXPECT_THAT(markup(results), HasSubstr("<div class=\"card bad\"><b>WRONG</b>"));
}

}  // namespace
}  // namespace ouro::load
