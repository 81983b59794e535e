#include "study/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ouro::study {
namespace {

constexpr double kOutside = 0.025;  // may lie beyond each end of the interval

// Between neighbours it goes straight.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

// How many values at each end can be left out so that the median of what they come from still lies
// between the rest, 95 times of 100: the most k with P(fewer than k+1 of n fall below it) <= 2.5 %.
std::size_t left_out_at_each_end(std::size_t count) {
  const auto n = static_cast<double>(count);
  double chance = std::pow(0.5, n);
  double sum = 0;
  std::size_t k = 0;
  while (k < count && sum + chance <= kOutside) {
    sum += chance;
    chance *= (n - static_cast<double>(k)) / static_cast<double>(k + 1);
    ++k;
  }
  return k - 1;  // with six or more, k is at least one
}

void set_by_order(PairedRatio& ratio, const std::vector<double>& sorted) {
  const std::size_t left_out = left_out_at_each_end(sorted.size());
  ratio.low = sorted[left_out];
  ratio.high = sorted[sorted.size() - 1 - left_out];
}

void set_by_student(PairedRatio& ratio, const std::vector<double>& values) {
  constexpr std::array<double, kPairsForOrderStatistics> kStudent{0,     0,     12.706,
                                                                  4.303, 3.182, 2.776};
  const auto count = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += std::log(value) / count;
  double squares = 0;
  for (const double value : values) squares += std::pow(std::log(value) - mean, 2);
  const double half = kStudent[values.size()] * std::sqrt(squares / (count - 1) / count);
  ratio.low = std::exp(mean - half);
  ratio.high = std::exp(mean + half);
}

}  // namespace

Quartiles quartiles(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

PairedRatio paired_ratio(std::vector<double> ratios) {
  std::erase_if(ratios, [](double value) { return !std::isfinite(value) || value <= 0; });
  PairedRatio ratio;
  ratio.pairs = ratios.size();
  if (ratios.empty()) return ratio;
  std::ranges::sort(ratios);
  ratio.median = quantile(ratios, 0.5);
  if (ratios.size() >= kPairsForOrderStatistics) {
    set_by_order(ratio, ratios);
  } else if (ratio.has_interval()) {
    set_by_student(ratio, ratios);
  }
  return ratio;
}

}  // namespace ouro::study
