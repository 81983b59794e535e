#include "study/record.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "load/json_report.h"
#include "study/runner.h"
#include "unit/load/sample_results.h"
#include "unit/study/sample_records.h"

namespace ouro::study {
namespace {

std::string load_json() {
  load::Results results = load::sample_results();
  results.server = load::ServerResult{42, 2, 0.5, 1.5, 77, 1000, 2000};
  results.errors = {{"reset", 3}};
  return load::json_report(results, "9.9");
}

TEST(Record, holds_what_the_load_wrote_unchanged) {
  const std::string load = load_json();
  const std::string text = record_text(sample_record("base", 1, 0), load);
  EXPECT_NE(text.find(load.substr(4)), std::string::npos);
}

TEST(Record, is_read_back) {
  const RunRecord record = sample_record("base", 3, 0);
  const auto read = read_record(record_text(record, load_json()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->identity, record.identity);
  EXPECT_EQ(read->outcome, Outcome::kMeasured);
  EXPECT_EQ(read->place.version, "9.9");
  EXPECT_EQ(read->place.cpus, 2u);
  EXPECT_EQ(read->place.generator_cpu, 1u);
  const RunFigures& figures = read->figures;
  EXPECT_EQ(figures.requests_per_second, 1000);
  EXPECT_EQ(figures.bits_per_second, 8192 * 1000);
  EXPECT_NEAR(figures.p50_ns, 250'000, 2500);
  EXPECT_EQ(figures.jain, 1);
  EXPECT_EQ(figures.server_cpu, 0.4);
  EXPECT_EQ(figures.cpu_per_request_ns, 400'000);
  EXPECT_EQ(figures.generator_cpu, 0.5);
  EXPECT_EQ(figures.errors.at("reset"), 3u);
}

TEST(Record, a_failure_needs_no_figures) {
  RunRecord record = sample_failure("base", Outcome::kCrashed, "was killed by SIGSEGV");
  record.said = {"one \xff", "two"};
  const auto read = read_record(record_text(record, ""));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->outcome, Outcome::kCrashed);
  EXPECT_EQ(read->what, "was killed by SIGSEGV");
  EXPECT_EQ(read->said.at(1), "two");
}

TEST(Record, a_load_that_failed_without_a_word_says_what_it_remarked) {
  load::Results nothing = load::sample_results();
  nothing.requests = 0;
  const RunRecord record = sample_failure("base", Outcome::kFailed, "the load ended with code 1");
  const auto read = read_record(record_text(record, load::json_report(nothing, "1")));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->said.empty());
}

TEST(Record, what_is_not_whole_is_none) {
  const std::string text = record_text(sample_record("base", 1, 0), load_json());
  EXPECT_FALSE(read_record(""));
  EXPECT_FALSE(read_record("{}"));
  EXPECT_FALSE(read_record("[1, 2]"));
  EXPECT_FALSE(read_record(load_json()));
  EXPECT_FALSE(read_record(text.substr(0, text.size() / 2)));
  EXPECT_FALSE(read_record(record_text(sample_record("base", 1, 0), "")));
}

// Resuming: a folder of records and a plan.
class KeptRecord : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] study::Run run() const { return runs_of(plan_).front(); }

  void keep(Outcome outcome) {
    RunRecord record = sample_record("base", 1, 0);
    record.identity = identity_of(run());
    record.outcome = outcome;
    std::ofstream(folder_ / run().file_name()) << record_text(record, load_json());
  }
  [[nodiscard]] bool kept() const { return kept_record(folder_, run()).has_value(); }

  Plan plan_ = sample_plan();
  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) /
                                  testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(KeptRecord, is_none_before_the_run) { EXPECT_FALSE(kept()); }

TEST_F(KeptRecord, of_the_same_plan_is_not_made_again) {
  keep(Outcome::kMeasured);
  EXPECT_TRUE(kept());
}

TEST_F(KeptRecord, of_more_repetitions_is_as_good) {
  keep(Outcome::kMeasured);
  plan_.workloads[0].repetitions = 9;
  EXPECT_TRUE(kept());
}

TEST_F(KeptRecord, of_another_command_time_or_option_is_made_again) {
  keep(Outcome::kMeasured);
  plan_.servers[0].command.emplace_back("--fast");
  EXPECT_FALSE(kept());
  plan_ = sample_plan();
  plan_.workloads[0].duration *= 2;
  EXPECT_FALSE(kept());
  plan_ = sample_plan();
  plan_.workloads[0].arguments.emplace_back("--verify");
  EXPECT_FALSE(kept());
}

TEST_F(KeptRecord, a_crash_is_a_finding_but_who_was_missing_is_looked_for_again) {
  keep(Outcome::kCrashed);
  EXPECT_TRUE(kept());
  for (const Outcome outcome : {Outcome::kMissing, Outcome::kNotStarted, Outcome::kFailed}) {
    keep(outcome);
    EXPECT_FALSE(kept());
  }
}

TEST_F(KeptRecord, half_a_file_is_none) {
  std::ofstream(folder_ / run().file_name()) << R"({"study": {"workload": )";
  EXPECT_FALSE(kept());
}

}  // namespace
}  // namespace ouro::study
