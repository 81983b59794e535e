// What every chart is drawn on: a plot with its title and its axes around it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "load/axis.h"

namespace ouro::load {

// Places in SVG units; y grows downwards.
struct Plot {
  double left = 64;
  double right = 636;
  double top = 46;
  double bottom = 252;

  [[nodiscard]] double width() const noexcept { return right - left; }
  [[nodiscard]] double height() const noexcept { return bottom - top; }
  [[nodiscard]] double x(double share) const noexcept { return left + share * width(); }
  [[nodiscard]] double y(double share) const noexcept { return bottom - share * height(); }
};

enum class Anchor { kStart, kMiddle, kEnd };

class SvgCanvas {
 public:
  SvgCanvas(std::string_view title, Plot plot);

  [[nodiscard]] const Plot& plot() const noexcept { return plot_; }

  // Lines across the plot with their labels, and the axis' name above.
  void y_axis(const Axis& axis, const AxisRange& range);
  // Labels below the plot, and the axis' name below these.
  void x_axis(const Axis& axis, const AxisRange& range);
  // A place on it, from 0 to 1.
  void x_tick(double share, std::string_view label);
  void x_name(std::string_view name);

  // `kind` is a class of chart_style(). What comes from outside is escaped here.
  void text(double x, double y, Anchor anchor, std::string_view kind, std::string_view text);
  void line(double x1, double y1, double x2, double y2, std::string_view kind);
  // Of a series, in its colour; `hint` is shown under the mouse.
  void path(std::size_t series, std::string_view kind, std::string_view steps);
  void dot(std::size_t series, double x, double y, double radius, std::string_view hint);
  void bar(std::size_t series, double x, double y, double width, double height,
           std::string_view hint);
  // A series' name with a dot in its colour before it.
  void key(std::size_t series, double x, double y, std::string_view name);
  void no_data();

  [[nodiscard]] std::string finish() &&;

 private:
  Plot plot_;
  std::string svg_;
};

// How wide a label will be, about: there is no font to ask.
[[nodiscard]] double text_width(std::string_view text) noexcept;

}  // namespace ouro::load
