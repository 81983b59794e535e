#include "load/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace ouro::load {
namespace {

TEST(ScheduleTest, even_gaps_do_not_drift) {
  Schedule schedule(3, false, {});
  schedule.start(1'000'000'000);
  for (int i = 0; i < 30'000; ++i) schedule.advance();
  EXPECT_NEAR(static_cast<double>(schedule.next_ns()), 10'001e9, 1e3);
}

TEST(ScheduleTest, threads_share_one_even_schedule_connection_by_connection) {
  constexpr std::size_t kConnections = 5;
  std::vector<std::uint64_t> times;
  std::vector<int> asked(kConnections);
  for (const auto& [first, count] : {std::pair{0, 3}, std::pair{3, 2}}) {
    Schedule part(1000, false,
                  {kConnections, static_cast<std::size_t>(first), static_cast<std::size_t>(count)});
    part.start(1'000'000'000);
    for (; part.next_ns() < 1'100'000'000; part.advance()) {
      times.push_back(part.next_ns());
      ++asked[first + part.next_connection()];
    }
  }
  std::ranges::sort(times);
  ASSERT_EQ(times.size(), 100U);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(times[i]), 1e9 + static_cast<double>(i) * 1e6, 1e3);
  }
  EXPECT_EQ(asked, std::vector<int>(kConnections, 20));
}

TEST(ScheduleTest, random_gaps_have_the_rate_as_their_mean_and_vary_as_much) {
  Schedule schedule(2000, true, {.connections = 10, .first = 3, .count = 5});  // half of it
  schedule.start(1);
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
  Schedule one(1000, true, {.connections = 2, .first = 0});
  Schedule other(1000, true, {.connections = 2, .first = 1});
  one.start(1);
  other.start(1);
  EXPECT_NE(one.next_ns(), other.next_ns());
}

}  // namespace
}  // namespace ouro::load
