#include "load/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/load/sample_results.h"

namespace ouro::load {
namespace {

using testing::_;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Jain, is_one_when_all_have_the_same) {
  EXPECT_DOUBLE_EQ(jain({3, 3, 3, 3}), 1);
  EXPECT_DOUBLE_EQ(jain({}), 1);
  EXPECT_DOUBLE_EQ(jain({0, 0}), 1);
}

TEST(Jain, is_one_part_in_n_when_one_has_everything) { EXPECT_DOUBLE_EQ(jain({8, 0, 0, 0}), 0.25); }

TEST(SpreadOf, is_of_values_that_occur) {
  std::vector<double> values;
  for (int i = 200; i > 0; --i) values.push_back(i);
  const Spread of = spread(values);
  EXPECT_EQ(of.min, 1);
  EXPECT_EQ(of.p1, 2);
  EXPECT_EQ(of.p50, 100);
  EXPECT_EQ(of.max, 200);
  EXPECT_EQ(spread({7}).p1, 7);
  EXPECT_EQ(spread({}).max, 0);
}

TEST(FairnessOf, an_even_run_is_fair) {
  const Fairness fair = fairness(sample_results());
  EXPECT_DOUBLE_EQ(fair.jain, 1);
  EXPECT_DOUBLE_EQ(fair.worst_second, 0.9995);
  EXPECT_DOUBLE_EQ(fair.min_max, 1);
  EXPECT_EQ(fair.starved, 0u);
  EXPECT_EQ(fair.share.p50, 250);
  EXPECT_EQ(fair.p99_ns.p50, 495'000);
  EXPECT_EQ(fair.longest_silence_ns, 2'000'000u);
}

TEST(FairnessOf, a_starved_connection_is_counted) {
  Results results = sample_results();
  results.connections[2].requests = 90;
  const Fairness fair = fairness(results);
  EXPECT_EQ(fair.starved, 1u);
  EXPECT_DOUBLE_EQ(fair.min_max, 90.0 / 1250);
  EXPECT_LT(fair.jain, 0.8);
}

TEST(FairnessOf, a_connection_that_was_never_answered_is_starved_but_has_no_times) {
  Results results = sample_results();
  results.connections[0] = {};
  EXPECT_EQ(fairness(results).starved, 1u);
  EXPECT_EQ(fairness(results).p99_ns.min, 495'000);
}

TEST(FairnessOf, a_stream_is_shared_by_bytes) {
  Results results = sample_results();
  results.options.mode = Mode::kStream;
  results.connections[1].bytes = 0;
  EXPECT_EQ(fairness(results).starved, 1u);
  EXPECT_EQ(fairness(results).share.max, 250 * 1024);
}

TEST(FairnessOf, an_idle_connection_that_wants_nothing_does_not_starve) {
  Results results = sample_results();
  results.options.mode = Mode::kIdle;
  results.connections[0] = {};
  EXPECT_EQ(fairness(results).starved, 0u);
  results.connections[0].longest_silence_ns = 1'000'000'000;  // it asked, and heard nothing
  EXPECT_EQ(fairness(results).starved, 1u);
}

TEST(FairnessOf, the_worst_second_is_a_whole_one) {
  Results results = sample_results();
  results.timeline[3].jain = 0.7;
  results.timeline.push_back({0.1, 10, 0, 0, 0, 0, 0.2});
  EXPECT_DOUBLE_EQ(fairness(results).worst_second, 0.7);
  results.timeline.clear();
  EXPECT_DOUBLE_EQ(fairness(results).worst_second, 1);
}

TEST(FairnessOf, nobody_is_treated_unfairly_when_there_is_nobody) {
  Results results = sample_results();
  results.connections.clear();
  EXPECT_EQ(fairness(results).starved, 0u);
  EXPECT_DOUBLE_EQ(fairness(results).jain, 1);
}

TEST(Remarks, there_are_none_on_a_good_run) { EXPECT_THAT(remarks(sample_results()), IsEmpty()); }

TEST(Remarks, a_busy_generator_is_the_limit_of_a_closed_loop) {
  Results results = sample_results();
  results.thread_cpu = {0.4, 0.98};
  for (const Mode mode : {Mode::kRequest, Mode::kStream, Mode::kChurn}) {
    results.options.mode = mode;
    EXPECT_THAT(remarks(results),
                ElementsAre("the generator was the limit (its CPU 98 %): the server may be "
                            "faster"));
  }
}

TEST(Remarks, wrong_bytes_and_errors_come_first) {
  Results results = sample_results();
  results.thread_cpu = {0.99};
  results.corrupt = 2;
  results.first_corruption =
      Corruption{.connection = 3, .offset = 17, .expected = 1, .received = 2};
  results.errors = {{"connection refused", 9}, {"status 404", 2}};
  EXPECT_THAT(
      remarks(results),
      ElementsAre("wrong bytes came back: 2 pieces held a wrong byte; first on connection 3 "
                  "at offset 17: 0x02 instead of 0x01",
                  "11 errors, most of them: connection refused",
                  HasSubstr("the generator was the limit")));
  results.requests = 0;
  EXPECT_THAT(remarks(results), ElementsAre(_, _, "no answer came at all"));
}

TEST(Remarks, a_silence_of_all_is_told_and_that_of_one_is_not) {
  Results results = sample_results();
  const std::uint64_t half = static_cast<std::uint64_t>(results.seconds * 5e8);
  results.connections.front().longest_silence_ns = half;
  EXPECT_THAT(remarks(results), IsEmpty());
  for (ConnectionResult& connection : results.connections) connection.longest_silence_ns = half;
  EXPECT_THAT(remarks(results), ElementsAre(HasSubstr("every connection was silent for")));
  results.options.mode = Mode::kIdle;  // there that is as it should be
  EXPECT_EQ(silence_of_all_ns(results), 0U);
}

TEST(Remarks, lost_packets_are_told_and_a_few_probes_are_not) {
  Results results = sample_results();
  results.requests = 1'000'000;
  results.sent_again = 200;
  EXPECT_THAT(remarks(results), IsEmpty());
  results.sent_again = 201;
  EXPECT_THAT(remarks(results), ElementsAre(HasSubstr("(201 segments were sent again)")));
  results.requests = 10;
  results.sent_again = 20;
  EXPECT_FALSE(packets_lost(results.sent_again, results.requests));
}

TEST(Remarks, a_rate_that_was_not_reached_is_told) {
  Results results = sample_results();
  results.options.mode = Mode::kRate;
  results.unanswered = results.requests / 200;
  EXPECT_THAT(remarks(results), IsEmpty());
  results.unanswered = 0;
  results.unsent = results.requests / 2;
  results.lost = results.requests - results.unsent;
  EXPECT_THAT(remarks(results), ElementsAre(StartsWith("the asked rate was not reached: ")));
  EXPECT_THAT(remarks(results).front(), HasSubstr("(50 %)"));
}

TEST(Remarks, late_sends_are_told_of_the_open_loop) {
  Results results = sample_results();
  results.options.mode = Mode::kRate;
  results.options.rate = 1000;
  for (int i = 0; i < 98; ++i) results.late_sends.add(1000);
  for (int i = 0; i < 2; ++i) results.late_sends.add(3'000'000);
  EXPECT_THAT(remarks(results), ElementsAre(StartsWith("sends were late (p99 3.00 ms")));
}

TEST(Remarks, nothing_due_is_nothing_missed) {
  Results results = sample_results();
  results.options.mode = Mode::kRate;
  results.requests = 0;
  EXPECT_THAT(remarks(results), IsEmpty());
  results.unanswered = 1;
  EXPECT_THAT(remarks(results), ElementsAre("no answer came at all"));
}

TEST(Fairness, who_serves_nobody_starves_all) {
  Results results = sample_results();
  for (ConnectionResult& connection : results.connections) connection.requests = 0;
  const Fairness fair = fairness(results);
  EXPECT_EQ(fair.starved, results.connections.size());
  EXPECT_EQ(fair.jain, 0);
  EXPECT_EQ(fair.min_max, 0);
}

TEST(Remarks, a_short_run_is_unstable) {
  Results results = sample_results();
  results.timeline.resize(3);
  EXPECT_THAT(remarks(results), IsEmpty());
  results.timeline.back().seconds = 0.5;
  EXPECT_THAT(remarks(results), ElementsAre(StartsWith("too short to tell how steady")));
}

TEST(Remarks, an_uneven_run_is_unstable) {
  Results results = sample_results();
  results.timeline[1].requests = 800;
  EXPECT_THAT(remarks(results), ElementsAre(StartsWith("unstable: the rate varied by 9.3")));
  results.timeline[1].requests = 990;
  EXPECT_THAT(remarks(results), IsEmpty());
}

TEST(Remarks, chance_does_not_make_poisson_arrivals_unstable) {
  Results results = sample_results();
  results.options.mode = Mode::kRate;
  results.options.poisson = true;
  results.options.rate = 100;
  results.requests = static_cast<std::uint64_t>(100 * results.seconds);
  for (std::size_t i = 0; i < 5; ++i) results.timeline[i].requests = i % 2 == 0 ? 110 : 90;
  EXPECT_THAT(remarks(results), IsEmpty());
  results.options.poisson = false;
  EXPECT_THAT(remarks(results), Contains(HasSubstr("unstable")));
}

TEST(Remarks, a_server_that_never_answers_is_all_there_is_to_say) {
  Results results = sample_results();
  results.requests = 0;
  results.timeline.clear();
  results.thread_cpu = {1};
  EXPECT_THAT(remarks(results), ElementsAre("no answer came at all"));
  results.options.mode = Mode::kIdle;
  results.options.active = 0;
  EXPECT_THAT(remarks(results), IsEmpty());
}

TEST(Remarks, an_interrupted_run_says_so_first) {
  Results results = sample_results();
  results.interrupted = true;
  EXPECT_THAT(remarks(results), ElementsAre("interrupted: the figures are of the 5.0 s until "
                                            "then"));
}

TEST(Modes, are_called_as_on_the_command_line) {
  EXPECT_EQ(to_string(Mode::kRequest), "request");
  EXPECT_EQ(to_string(Mode::kStream), "stream");
  EXPECT_EQ(to_string(Mode::kRate), "rate");
  EXPECT_EQ(to_string(Mode::kChurn), "churn");
  EXPECT_EQ(to_string(Mode::kIdle), "idle");
}

}  // namespace
}  // namespace ouro::load
