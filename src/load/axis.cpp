#include "load/axis.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace ouro::load {
namespace {

constexpr int kTicksWanted = 5;
constexpr double kFewPowers = 3;  // of ten: there is room for ticks between them
// Beyond these a double's own limits would show; no figure of ours is near them.
constexpr double kLeast = 1e-100;
constexpr double kMost = 1e100;

// The round value (1, 2 or 5 times a power of ten) that is at least, or at most, as large.
double round_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= value * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

double round_down(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {5.0, 2.0}) {
    if (factor * power <= value * (1 + 1e-9)) return factor * power;
  }
  return power;
}

}  // namespace

AxisRange::AxisRange(const Axis& axis, AxisEnd end, std::span<const double> values)
    : scale_(axis.scale) {
  const bool is_log = scale_ == Scale::kLog;
  if (is_log) {
    fit_log(end, values);
  } else {
    fit_linear(end, values);
  }
  if (!axis.ticks.empty()) {
    std::ranges::copy_if(axis.ticks, std::back_inserter(ticks_), [this](const Tick& tick) {
      return shows(tick.at) && tick.at >= begin_ && tick.at <= end_;
    });
  } else if (is_log) {
    choose_log_ticks(axis.unit);
  } else {
    choose_linear_ticks(axis.unit);
  }
}

void AxisRange::fit_linear(AxisEnd end, std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    if (shows(value)) largest = std::max(largest, value);
  }
  if (largest < kLeast) largest = 1;
  step_ = round_up(largest / kTicksWanted);
  end_ = end == AxisEnd::kTight ? largest : step_ * std::ceil(largest / step_ * (1 - 1e-9));
}

void AxisRange::fit_log(AxisEnd end, std::span<const double> values) {
  double smallest = kMost;
  double largest = 0;
  for (const double value : values) {
    if (!shows(value)) continue;
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
  }
  if (largest == 0) smallest = largest = 1;
  const bool tight = end == AxisEnd::kTight;
  begin_ = tight ? smallest : round_down(smallest);
  end_ = tight ? largest : round_up(largest);
  if (end_ <= begin_ * (1 + 1e-9)) {
    begin_ /= 2;
    end_ *= 2;
  }
}

void AxisRange::choose_linear_ticks(Unit unit) {
  const auto count = static_cast<int>(std::floor(end_ / step_ * (1 + 1e-9)));
  for (int i = 0; i <= count; ++i) ticks_.push_back({step_ * i, short_figure(step_ * i, unit)});
}

// Powers of ten; where these are few, their doubles and halves too.
void AxisRange::choose_log_ticks(Unit unit) {
  const double first = std::floor(std::log10(begin_));
  const double last = std::ceil(std::log10(end_));
  const double stride = std::ceil((last - first) / kTicksWanted);
  for (int i = 0; first + i * stride <= last; ++i) {
    const double power = first + i * stride;
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor != 1 && last - first > kFewPowers) continue;
      const double at = factor * std::pow(10, power);
      if (at < begin_ * (1 - 1e-9) || at > end_ * (1 + 1e-9)) continue;
      ticks_.push_back({at, short_figure(at, unit)});
    }
  }
}

bool AxisRange::shows(double value) const noexcept {
  if (!std::isfinite(value)) return false;
  const double least = scale_ == Scale::kLog ? kLeast : 0;
  return value >= least && value <= kMost;
}

double AxisRange::place(double value) const noexcept {
  if (!shows(value)) return 0;
  const double share = scale_ == Scale::kLog ? std::log(value / begin_) / std::log(end_ / begin_)
                                             : (value - begin_) / (end_ - begin_);
  return std::clamp(share, 0.0, 1.0);
}

}  // namespace ouro::load
