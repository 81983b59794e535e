// What can be said about a handful of runs on a machine that other things run on, too.
#pragma once

#include <cstddef>
#include <vector>

namespace ouro::study {

// The middle half of the values lies between the quartiles. All zero of no values.
struct Quartiles {
  double low = 0;
  double median = 0;
  double high = 0;

  // How far they are apart, as a part of the median.
  [[nodiscard]] double spread() const noexcept { return median > 0 ? (high - low) / median : 0; }
};
[[nodiscard]] Quartiles quartiles(std::vector<double> values);

// A ratio of two candidates from runs made side by side: the n-th of one with the n-th of the
// other, so that minutes in which the whole machine is slow do not count.
struct PairedRatio {
  std::size_t pairs = 0;
  double median = 0;
  double low = 0;  // of the 95 % confidence interval; both 0 when there are too few pairs
  double high = 0;

  [[nodiscard]] bool has_interval() const noexcept { return pairs >= 2; }
  // Whether the interval leaves no room for "the same".
  [[nodiscard]] bool differs() const noexcept { return has_interval() && (low > 1 || high < 1); }
};

// From the ratios of the pairs. Six or more: the interval's ends are two of the ratios, chosen by
// the binomial distribution (order statistics), which assumes nothing about how they are spread.
// Fewer cannot give 95 % that way: Student's t on their logarithms, which is wide, as it should be.
[[nodiscard]] PairedRatio paired_ratio(std::vector<double> ratios);

inline constexpr std::size_t kPairsForOrderStatistics = 6;

}  // namespace ouro::study
