#include "load/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace ouro::load {
namespace {

TEST(ScheduleTest, even_gaps_do_not_drift) {
  Schedule schedule(3, false, 0);
  schedule.start(1'000'000'000);
  for (int i = 0; i < 30'000; ++i) schedule.advance();
  EXPECT_NEAR(static_cast<double>(schedule.next_ns()), 10'001e9, 1e3);
}

TEST(ScheduleTest, random_gaps_have_the_rate_as_their_mean_and_vary_as_much) {
  Schedule schedule(1000, true, 42);
  schedule.start(0);
  double sum = 0;
  double squares = 0;
  constexpr int kGaps = 100'000;
  for (int i = 0; i < kGaps; ++i) {
    const std::uint64_t before = schedule.next_ns();
    schedule.advance();
    const auto gap = static_cast<double>(schedule.next_ns() - before);
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / kGaps;
  EXPECT_NEAR(mean, 1e6, 2e4);
  EXPECT_NEAR(std::sqrt(squares / kGaps - mean * mean), 1e6, 3e4);
}

TEST(ScheduleTest, threads_have_gaps_of_their_own) {
  Schedule one(1000, true, 0);
  Schedule other(1000, true, 1);
  one.advance();
  other.advance();
  EXPECT_NE(one.next_ns(), other.next_ns());
}

}  // namespace
}  // namespace ouro::load
