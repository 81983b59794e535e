// Where values stand on a chart's axis, and what is written along it. All pure: any values make an
// axis, none at all included.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "load/figures.h"

namespace ouro::load {

enum class Scale : std::uint8_t {
  kLinear,  // begins at zero, so that heights can be compared
  kLog,     // of what is above zero only
};

struct Tick {
  double at = 0;
  std::string label;
};

struct Axis {
  std::string name;
  Unit unit = Unit::kCount;
  Scale scale = Scale::kLinear;
  std::vector<Tick> ticks;  // empty: round ones are chosen
};

// Whether the axis ends at the largest value, or at the next round one.
enum class AxisEnd : std::uint8_t { kTight, kRound };

class AxisRange {
 public:
  AxisRange(const Axis& axis, AxisEnd end, std::span<const double> values);

  [[nodiscard]] bool shows(double value) const noexcept;
  // From 0, where the axis begins, to 1; what lies outside is put at the nearer end.
  [[nodiscard]] double place(double value) const noexcept;
  [[nodiscard]] const std::vector<Tick>& ticks() const noexcept { return ticks_; }

 private:
  void fit_linear(AxisEnd end, std::span<const double> values);
  void fit_log(AxisEnd end, std::span<const double> values);
  void choose_linear_ticks(Unit unit);
  void choose_log_ticks(Unit unit);

  Scale scale_;
  double begin_ = 0;
  double end_ = 1;
  double step_ = 1;  // between the ticks of a linear axis
  std::vector<Tick> ticks_;
};

}  // namespace ouro::load
