#include "study/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/study/sample_records.h"

namespace ouro::study {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Three rounds in which `other` has `factor` times the rate of `base`, each round at its own speed.
std::vector<RunRecord> rounds(double factor) {
  std::vector<RunRecord> records;
  for (const unsigned round : {1u, 2u, 3u}) {
    const double speed = 100'000 + 2000 * round;
    records.push_back(sample_record("base", round, speed));
    records.push_back(sample_record("other", round, speed * factor * (1 + 0.001 * round)));
  }
  return records;
}

Row other_row(const std::vector<RunRecord>& records) {
  return analyze(sample_plan(), records).workloads.at(0).rows.at(1);
}

TEST(Analysis, ratios_are_taken_within_a_round) {
  std::vector<RunRecord> records;
  // The machine is three times as slow in one round: no matter.
  for (const auto& [round, speed] : {std::pair{1u, 300.0}, {2u, 100.0}, {3u, 310.0}}) {
    records.push_back(sample_record("base", round, speed));
    records.push_back(sample_record("other", round, speed * 1.2));
  }
  const Row row = other_row(records);
  EXPECT_NEAR(row.rate_ratio.low, 1.2, 1e-9);
  EXPECT_NEAR(row.rate_ratio.high, 1.2, 1e-9);
  EXPECT_NEAR(row.cpu_ratio.median, 1 / 1.2, 1e-9);
}

TEST(Analysis, a_run_without_its_partner_is_no_pair) {
  std::vector<RunRecord> records = rounds(1.5);
  records.erase(records.begin());
  EXPECT_EQ(other_row(records).rate_ratio.pairs, 2u);
  EXPECT_EQ(other_row(records).runs, 3u);
}

TEST(Analysis, a_difference_beyond_the_noise_has_a_winner) {
  EXPECT_EQ(other_row(rounds(1.2)).verdict, Verdict::kFaster);
  EXPECT_EQ(other_row(rounds(0.8)).verdict, Verdict::kSlower);
  EXPECT_EQ(other_row(rounds(0.998)).verdict, Verdict::kSame);
}

TEST(Analysis, noisy_rows_are_marked_and_decide_nothing) {
  std::vector<RunRecord> records = rounds(2);
  records[1].figures.requests_per_second *= 3;
  records[1].figures.cpu_per_request_ns *= 3;
  const Row row = other_row(records);
  EXPECT_THAT(row.doubts, Contains(HasSubstr("spread")));
  EXPECT_EQ(row.verdict, Verdict::kUnknown);
  EXPECT_THAT(other_row(rounds(2)).doubts, IsEmpty());
}

TEST(Analysis, one_run_is_not_enough) {
  const Row row = other_row({sample_record("base", 1, 1), sample_record("other", 1, 2)});
  EXPECT_THAT(row.doubts, ElementsAre("one run only"));
  EXPECT_EQ(row.verdict, Verdict::kUnknown);
}

TEST(Analysis, where_the_generator_was_the_limit_cpu_time_decides) {
  std::vector<RunRecord> records = rounds(1);
  for (RunRecord& record : records) {
    record.figures.generator_cpu = 0.99;
    record.figures.server_cpu = 0.7;
    if (record.identity.server == "other") record.figures.cpu_per_request_ns *= 0.9;
  }
  const Row row = other_row(records);
  EXPECT_THAT(row.doubts, ElementsAre("generator was the limit"));
  EXPECT_EQ(row.verdict, Verdict::kCheaper);
}

TEST(Analysis, what_noisy_rates_do_not_show_cpu_time_may) {
  std::vector<RunRecord> records = rounds(0.8);
  records[1].figures.requests_per_second /= 3;
  EXPECT_EQ(other_row(records).verdict, Verdict::kDearer);
}

TEST(Analysis, an_asked_rate_that_was_not_reached_is_a_doubt) {
  std::vector<RunRecord> records = rounds(1);
  for (RunRecord& record : records) {
    record.figures.of_asked_rate = record.identity.server == "other" ? 0.132 : 0.995;
  }
  EXPECT_THAT(other_row(records).doubts, ElementsAre("13 % of the asked rate"));
  EXPECT_THAT(analyze(sample_plan(), records).workloads[0].rows[0].doubts, IsEmpty());
}

TEST(Analysis, lost_packets_are_a_doubt_when_half_of_the_runs_had_them) {
  std::vector<RunRecord> records = rounds(1);
  std::vector<RunRecord*> others;
  for (RunRecord& record : records) {
    if (record.identity.server == "other") others.push_back(&record);
  }
  for (std::size_t i = 0; i < others.size(); ++i) {
    others[i]->figures.packets_lost = true;
    const bool half = 2 * (i + 1) >= others.size();
    EXPECT_EQ(other_row(records).packets_lost, half) << i;
  }
  EXPECT_THAT(other_row(records).doubts, ElementsAre("packets were lost"));
}

TEST(Analysis, where_nobody_was_at_the_limit_something_else_was) {
  std::vector<RunRecord> records = rounds(1);
  for (RunRecord& record : records) {
    if (record.identity.server == "other") record.figures.server_cpu = 0.4;
  }
  EXPECT_THAT(other_row(records).doubts, ElementsAre("neither was at its limit"));
  EXPECT_THAT(sentences(analyze(sample_plan(), records)),
              Contains(HasSubstr("In 1 of 2 rows neither")));
}

TEST(Analysis, a_server_that_was_not_driven_to_its_limit_is_not_called_slower) {
  std::vector<RunRecord> records = rounds(0.8);
  for (RunRecord& record : records) {
    if (record.identity.server != "other") continue;
    record.figures.generator_cpu = 0.99;
    record.figures.server_cpu = 0.7;
    record.figures.cpu_per_request_ns = 10'000;
  }
  EXPECT_EQ(other_row(records).verdict, Verdict::kUnknown);
}

TEST(Analysis, errors_are_doubts) {
  std::vector<RunRecord> records = rounds(1);
  records[3].figures.errors = {{"reset", 7}};
  EXPECT_THAT(other_row(records).doubts, ElementsAre("7 errors"));
}

TEST(Analysis, the_first_server_that_could_be_measured_is_the_base) {
  std::vector<RunRecord> records = rounds(1);
  std::erase_if(records, [](const RunRecord& one) { return one.identity.server == "base"; });
  records.push_back(sample_failure("base", Outcome::kMissing, "cannot start ./base"));
  const Analysis analysis = analyze(sample_plan(), records);
  EXPECT_EQ(analysis.workloads[0].rows[0].server, "other");
  EXPECT_EQ(analysis.workloads[0].rows[0].verdict, Verdict::kBase);
  ASSERT_EQ(analysis.findings.size(), 1u);
  EXPECT_EQ(analysis.findings[0].server, "base");
}

TEST(Analysis, the_same_trouble_is_told_once) {
  std::vector<RunRecord> records(
      3, sample_failure("other", Outcome::kCrashed, "was killed by SIGSEGV under load"));
  records[2].said = {"what a pity"};
  const Analysis analysis = analyze(sample_plan(), records);
  ASSERT_EQ(analysis.findings.size(), 1u);
  EXPECT_EQ(analysis.findings[0].times, 3u);
  EXPECT_THAT(analysis.findings[0].workloads, ElementsAre("request 1KiB x 64"));
  EXPECT_THAT(analysis.findings[0].said, ElementsAre("what a pity"));
  EXPECT_THAT(analysis.workloads, IsEmpty());
}

TEST(Sentences, say_who_won_and_by_how_much) {
  EXPECT_THAT(sentences(analyze(sample_plan(), rounds(1.2))),
              Contains("other against base: faster in \"request 1KiB x 64\" (by 20.2 %)."));
  EXPECT_THAT(sentences(analyze(sample_plan(), rounds(0.8))),
              Contains("other against base: slower in \"request 1KiB x 64\" (by 19.8 %)."));
  EXPECT_THAT(sentences(analyze(sample_plan(), rounds(0.998))),
              Contains("other against base: showed no difference beyond the noise in 1."));
}

TEST(Sentences, name_a_winner_only_where_quartiles_are_apart) {
  EXPECT_THAT(sentences(analyze(sample_plan(), rounds(1.2))),
              Contains("Highest rate, beyond the noise, of 1 workload: other in 1."));
  EXPECT_THAT(sentences(analyze(sample_plan(), rounds(1.01))),
              Not(Contains(HasSubstr("Highest rate"))));
}

TEST(Sentences, say_what_cannot_be_trusted) {
  std::vector<RunRecord> records = rounds(1);
  for (RunRecord& record : records) {
    record.figures.generator_cpu = 1;
    record.figures.server_cpu = 0.5;
  }
  records.front().place.kernel = "5.10";
  Analysis analysis = analyze(sample_plan(), records);
  analysis.interrupted = true;
  const auto said = sentences(analysis);
  EXPECT_THAT(said, Contains(HasSubstr("In 2 of 2 rows the generator was the limit")));
  EXPECT_THAT(said, Contains(HasSubstr("several machines, kernels")));
  EXPECT_THAT(said, Contains(HasSubstr("was interrupted")));
  EXPECT_THAT(said, Not(Contains(HasSubstr("Highest rate"))));
}

TEST(Sentences, of_a_study_that_measured_nothing_are_about_its_servers) {
  const Analysis analysis =
      analyze(sample_plan(), {sample_failure("base", Outcome::kMissing, "cannot start ./base")});
  EXPECT_THAT(sentences(analysis), ElementsAre("base: missing (cannot start ./base)."));
}

}  // namespace
}  // namespace ouro::study
