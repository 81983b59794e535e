#include "study/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ouro::study {
namespace {

TEST(Quartiles, of_nothing_are_zero) {
  EXPECT_EQ(quartiles({}).median, 0);
  EXPECT_EQ(quartiles({}).spread(), 0);
}

TEST(Quartiles, of_one_value_are_that_value) {
  const Quartiles one = quartiles({7});
  EXPECT_EQ(one.low, 7);
  EXPECT_EQ(one.median, 7);
  EXPECT_EQ(one.high, 7);
}

TEST(Quartiles, order_does_not_matter_and_neighbours_are_averaged) {
  EXPECT_EQ(quartiles({4, 1, 3, 2}).median, 2.5);
  EXPECT_EQ(quartiles({5, 1, 3, 2, 4}).low, 2);
  EXPECT_EQ(quartiles({5, 1, 3, 2, 4}).high, 4);
}

TEST(Quartiles, one_wild_run_in_five_does_not_make_a_spread) {
  EXPECT_LT(quartiles({100, 101, 102, 103, 900}).spread(), 0.05);
  EXPECT_GT(quartiles({80, 100, 120}).spread(), 0.15);
}

TEST(PairedRatio, of_no_pair_says_nothing) {
  const PairedRatio none = paired_ratio({});
  EXPECT_EQ(none.pairs, 0u);
  EXPECT_FALSE(none.has_interval());
  EXPECT_FALSE(none.differs());
}

TEST(PairedRatio, of_one_pair_has_no_interval) {
  const PairedRatio one = paired_ratio({2});
  EXPECT_EQ(one.median, 2);
  EXPECT_FALSE(one.has_interval());
  EXPECT_FALSE(one.differs());
}

TEST(PairedRatio, of_three_pairs_is_students_interval_of_the_logarithms) {
  const PairedRatio three = paired_ratio({0.9, 1.0, 1 / 0.9});
  const double half = 4.303 * std::log(1 / 0.9) / std::sqrt(3);
  EXPECT_DOUBLE_EQ(three.median, 1);
  EXPECT_NEAR(three.low, std::exp(-half), 1e-12);
  EXPECT_NEAR(three.high, std::exp(half), 1e-12);
  EXPECT_FALSE(three.differs());
  EXPECT_TRUE(paired_ratio({1.10, 1.11, 1.12}).differs());
}

// Binomial: of n values the k-th from each end encloses the median in 95 % when n = 6 and k = 1,
// n = 9 and k = 2, n = 20 and k = 6.
TEST(PairedRatio, of_six_and_more_pairs_is_read_off_the_ordered_ratios) {
  const PairedRatio six = paired_ratio({1.06, 1.01, 1.05, 1.02, 1.04, 1.03});
  EXPECT_EQ(six.low, 1.01);
  EXPECT_EQ(six.high, 1.06);
  EXPECT_TRUE(six.differs());
  std::vector<double> nine;
  for (int i = 1; i <= 9; ++i) nine.push_back(i);
  EXPECT_EQ(paired_ratio(nine).low, 2);
  EXPECT_EQ(paired_ratio(nine).high, 8);
  std::vector<double> twenty;
  for (int i = 1; i <= 20; ++i) twenty.push_back(i);
  EXPECT_EQ(paired_ratio(twenty).low, 6);
  EXPECT_EQ(paired_ratio(twenty).high, 15);
}

TEST(PairedRatio, a_thousand_pairs_are_no_trouble) {
  std::vector<double> many;
  for (int i = 1; i <= 1000; ++i) many.push_back(i);
  const PairedRatio ratio = paired_ratio(many);
  EXPECT_NEAR(ratio.low, 469, 2);
  EXPECT_NEAR(ratio.high, 532, 2);
}

TEST(PairedRatio, a_run_without_a_rate_is_no_pair) {
  const PairedRatio ratio =
      paired_ratio({1.5, 0, std::numeric_limits<double>::infinity(), std::nan("")});
  EXPECT_EQ(ratio.pairs, 1u);
  EXPECT_EQ(ratio.median, 1.5);
}

TEST(PairedRatio, holds_its_median) {
  for (const std::vector<double>& ratios :
       {std::vector<double>{1, 1, 1.3}, {1, 1, 1, 2}, {0.5, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 3}}) {
    const PairedRatio ratio = paired_ratio(ratios);
    EXPECT_LE(ratio.low, ratio.median);
    EXPECT_GE(ratio.high, ratio.median);
  }
}

}  // namespace
}  // namespace ouro::study
