#include "load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace ouro::load {
namespace {

constexpr std::uint64_t kMostTold = (std::uint64_t{1} << Histogram::kLargestPower) - 1;

// From nanoseconds to minutes, with the same weight on each power of two.
std::vector<std::uint64_t> random_times(std::size_t count) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> power(0, Histogram::kLargestPower);
  std::vector<std::uint64_t> times(count);
  for (std::uint64_t& time : times) time = static_cast<std::uint64_t>(std::exp2(power(random)));
  return times;
}

template <typename AnyHistogram>
double worst_error() {
  double worst = 0;
  for (const std::uint64_t time : random_times(2000)) {
    AnyHistogram histogram;
    histogram.add(time);
    histogram.add(kMostTold);  // so that the largest value does not hide what a cell tells
    const auto told = static_cast<double>(histogram.quantile(0.5));
    worst = std::max(worst, std::abs(told / static_cast<double>(time) - 1));
  }
  return worst;
}

TEST(Histogram, every_value_is_told_within_the_promised_error) {
  EXPECT_LE(worst_error<Histogram>(), 0.004);
  EXPECT_LE(worst_error<SmallHistogram>(), 0.032);
}

TEST(Histogram, quantiles_are_those_of_the_sorted_values) {
  std::vector<std::uint64_t> times = random_times(20'000);
  Histogram histogram;
  for (const std::uint64_t time : times) histogram.add(time);
  std::ranges::sort(times);
  for (const double share : {0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 20'000.0)) - 1;
    const auto exact = static_cast<double>(times[rank]);
    EXPECT_NEAR(static_cast<double>(histogram.quantile(share)), exact, exact * 0.004) << share;
  }
  EXPECT_EQ(histogram.max(), times.back());
}

TEST(Histogram, small_values_are_told_exactly) {
  for (std::uint64_t time = 0; time < 128; ++time) {
    Histogram histogram;
    histogram.add(time);
    histogram.add(kMostTold);
    EXPECT_EQ(histogram.quantile(0.5), time);
  }
}

TEST(Histogram, what_is_added_together_is_as_if_counted_together) {
  const std::vector<std::uint64_t> times = random_times(5000);
  Histogram one, other, both;
  for (std::size_t i = 0; i < times.size(); ++i) {
    (i % 3 == 0 ? one : other).add(times[i]);
    both.add(times[i]);
  }
  one.add_all(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max(), both.max());
  EXPECT_EQ(one.mean(), both.mean());
  for (std::size_t cell = 0; cell < Histogram::kCells; ++cell) {
    ASSERT_EQ(one.in_cell(cell), both.in_cell(cell)) << cell;
  }
}

TEST(Histogram, values_beyond_the_last_cell_count_in_it) {
  Histogram histogram;
  histogram.add(kMostTold);
  histogram.add(kMostTold + 1);
  histogram.add(~std::uint64_t{0});
  EXPECT_EQ(histogram.in_cell(Histogram::kCells - 1), 3u);
  EXPECT_EQ(histogram.max(), ~std::uint64_t{0});
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.5)), static_cast<double>(kMostTold),
              static_cast<double>(kMostTold) * 0.004);
}

TEST(Histogram, cells_follow_each_other_without_gaps) {
  for (std::size_t cell = 1; cell < Histogram::kCells; ++cell) {
    ASSERT_LT(Histogram::begin_of(cell - 1), Histogram::begin_of(cell));
    Histogram histogram;
    histogram.add(Histogram::begin_of(cell));
    histogram.add(Histogram::begin_of(cell) - 1);
    ASSERT_EQ(histogram.in_cell(cell), 1u);
    ASSERT_EQ(histogram.in_cell(cell - 1), 1u);
  }
}

TEST(Histogram, nothing_has_no_quantiles) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.mean(), 0);
  histogram.add(5);
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(1), 0u);
}

}  // namespace
}  // namespace ouro::load
