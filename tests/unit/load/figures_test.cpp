#include "load/figures.h"

#include <gtest/gtest.h>

#include <limits>

namespace ouro::load {
namespace {

TEST(Figures, have_three_digits_and_the_unit_that_fits) {
  EXPECT_EQ(figure(0, Unit::kNanoseconds), "0 ns");
  EXPECT_EQ(figure(870, Unit::kNanoseconds), "870 ns");
  EXPECT_EQ(figure(270'000, Unit::kNanoseconds), "270 us");
  EXPECT_EQ(figure(1'204'000, Unit::kNanoseconds), "1.20 ms");
  EXPECT_EQ(figure(61e9, Unit::kNanoseconds), "61.0 s");
  EXPECT_EQ(figure(1536, Unit::kBytes), "1.50 KiB");
  EXPECT_EQ(figure(21.34e9, Unit::kBitsPerSecond), "21.3 Gbit/s");
  EXPECT_EQ(figure(12'345, Unit::kCount), "12.3 k");
  EXPECT_EQ(figure(27.5, Unit::kCount), "27.5");
}

TEST(Figures, rounding_up_moves_to_the_next_unit) {
  EXPECT_EQ(figure(999'400, Unit::kNanoseconds), "999 us");
  EXPECT_EQ(figure(999'600, Unit::kNanoseconds), "1.00 ms");
  EXPECT_EQ(figure(9'996'000, Unit::kNanoseconds), "10.0 ms");
}

TEST(Figures, on_an_axis_they_have_no_zeros_at_the_end) {
  EXPECT_EQ(short_figure(0, Unit::kNanoseconds), "0");
  EXPECT_EQ(short_figure(1'500'000, Unit::kNanoseconds), "1.5 ms");
  EXPECT_EQ(short_figure(20'000, Unit::kCount), "20 k");
  EXPECT_EQ(short_figure(1000 * 1024, Unit::kBytes), "1000 KiB");
}

TEST(Figures, what_is_no_number_is_a_dash) {
  EXPECT_EQ(figure(std::numeric_limits<double>::quiet_NaN(), Unit::kCount), "-");
  EXPECT_EQ(short_figure(std::numeric_limits<double>::infinity(), Unit::kCount), "-");
  EXPECT_EQ(percent(std::numeric_limits<double>::infinity()), "-");
  EXPECT_EQ(percent(0.987), "98.7 %");
}

}  // namespace
}  // namespace ouro::load
