#include "load/text_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "unit/load/sample_results.h"

namespace ouro::load {
namespace {

using testing::HasSubstr;
using testing::Not;

// The first line that begins with `name`, indented or not; spaces in a row are one.
std::string line_of(const Results& results, const std::string& name) {
  std::istringstream lines(text_report(results));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string plain;
    for (std::string word; words >> word;) plain += (plain.empty() ? "" : " ") + word;
    if (plain.starts_with(name)) return plain;
  }
  return "no line " + name;
}

TEST(TextReport, says_what_ran) {
  EXPECT_EQ(line_of(sample_results(), "target"), "target 127.0.0.1:7007");
  EXPECT_EQ(line_of(sample_results(), "load"),
            "load request, 4 connections, 1.00 KiB messages, depth 1");
  EXPECT_EQ(line_of(sample_results(), "run"),
            "run 5.00 s after 0.50 s of warm-up, engine uring, 1 thread");
}

TEST(TextReport, figures_stand_in_the_line_of_their_name) {
  EXPECT_EQ(line_of(sample_results(), "requests"), "requests 1000/s 5000 in all");
  EXPECT_EQ(line_of(sample_results(), "received"), "received 8.19 Mbit/s 4.88 MiB in all");
  EXPECT_EQ(line_of(sample_results(), "latency"), "latency p50 p90 p99 p99.9 p99.99 max mean");
  EXPECT_THAT(line_of(sample_results(), "response"), HasSubstr(" 500 us 250 us"));
  EXPECT_EQ(line_of(sample_results(), "errors"), "errors none");
  EXPECT_EQ(line_of(sample_results(), "verify"), "verify off");
  EXPECT_EQ(line_of(sample_results(), "generator"), "generator CPU per thread: 50 %");
}

TEST(TextReport, a_closed_loop_is_called_one) {
  EXPECT_THAT(text_report(sample_results()), HasSubstr("percentiles hide stalls"));
}

TEST(TextReport, an_open_loop_tells_both_times) {
  Results results = sample_results();
  results.options.mode = Mode::kRate;
  results.options.rate = 1000;
  results.latency.add(7'000'000);
  EXPECT_THAT(line_of(results, "from intended"), HasSubstr(" 7.00 ms "));
  EXPECT_THAT(line_of(results, "from sending"), HasSubstr(" 500 us "));
  EXPECT_THAT(line_of(results, "unanswered"), HasSubstr("0 due and not sent"));
  EXPECT_THAT(text_report(results), Not(HasSubstr("closed loop")));
}

TEST(TextReport, fairness_has_its_lines) {
  Results results = sample_results();
  results.connections[0].requests = 0;
  EXPECT_EQ(line_of(results, "Jain's"),
            "Jain's index 0.7500 over the run, 0.9995 in the worst "
            "second");
  EXPECT_EQ(line_of(results, "starved"), "starved 1, with less than a tenth of the mean");
  EXPECT_EQ(line_of(results, "silence"), "silence 2.00 ms, the longest wait for a byte");
  EXPECT_EQ(line_of(results, "requests/s"), "requests/s 0 0 250 250");
}

TEST(TextReport, churn_has_no_connections_to_compare) {
  Results results = sample_results();
  results.options.mode = Mode::kChurn;
  results.connections.clear();
  EXPECT_THAT(text_report(results), Not(HasSubstr("fairness")));
}

TEST(TextReport, the_first_wrong_byte_is_pointed_at) {
  Results results = sample_results();
  results.options.verify = true;
  EXPECT_EQ(line_of(results, "verify"), "verify ok, every byte came back as it was sent");
  results.corrupt = 2;
  results.first_corruption = Corruption{3, 4096, 0x41, 0x0a};
  EXPECT_EQ(line_of(results, "verify"),
            "verify WRONG, 2 pieces held a wrong byte; first on connection 3 at offset 4096: "
            "0x0a instead of 0x41");
}

TEST(TextReport, silence_is_not_called_verified) {
  Results results = sample_results();
  results.options.verify = true;
  results.bytes_received = 0;
  EXPECT_EQ(line_of(results, "verify"), "verify nothing came back to verify");
}

TEST(TextReport, errors_are_counted_by_kind) {
  Results results = sample_results();
  results.errors = {{"connection refused", 7}, {"time-out", 1}};
  EXPECT_EQ(line_of(results, "errors"), "errors 7 connection refused, 1 time-out");
}

TEST(TextReport, the_server_is_told_per_request) {
  Results results = sample_results();
  EXPECT_EQ(line_of(results, "server"), "no line server");
  results.server = ServerResult{42, 3, 0.005, 0.0175, 100, 1 << 20, (1 << 20) + 4 * 8192};
  EXPECT_EQ(line_of(results, "server"), "server (process 42, 3 with its children)");
  EXPECT_EQ(line_of(results, "CPU/request"), "CPU/request 4.50 us = 1.00 user + 3.50 kernel");
  EXPECT_EQ(line_of(results, "switches/request"), "switches/request 0.020");
  EXPECT_EQ(line_of(results, "memory"),
            "memory 8.00 KiB per connection (1.00 MiB before, 1.03 MiB at the end)");
}

TEST(TextReport, each_remark_is_a_line_with_a_mark) {
  Results results = sample_results();
  EXPECT_THAT(text_report(results), Not(HasSubstr("! ")));
  results.interrupted = true;
  results.thread_cpu = {1};
  EXPECT_THAT(text_report(results), HasSubstr("\n\n! interrupted: "));
  EXPECT_THAT(text_report(results), HasSubstr("\n! the generator was the limit"));
}

TEST(TextReport, fits_on_a_screen_even_of_a_run_that_found_nothing) {
  Results full = sample_results();
  full.server = ServerResult{};
  for (const Results& results : {full, Results{}}) {
    std::istringstream lines(text_report(results));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_LE(line.size(), 100u) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
      EXPECT_THAT(line, Not(HasSubstr("nan")));
    }
    EXPECT_LE(count, 50);
  }
}

}  // namespace
}  // namespace ouro::load
