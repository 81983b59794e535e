// Charts as SVG text, to stand inside a page that holds chart_style(). They need no script, font
// or file, follow the reader's light or dark theme, and know nothing of what they show. What is not
// a number, or does not fit on a logarithmic axis, leaves a gap.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/axis.h"

namespace ouro::load {

struct ChartPoint {
  double x = 0;
  double y = 0;
};

struct ChartSeries {
  std::string name;  // written where the line ends
  std::vector<ChartPoint> points;
};

struct LineChart {
  std::string title;
  Axis x;
  Axis y;
  std::vector<ChartSeries> series;
};
[[nodiscard]] std::string line_chart(const LineChart& chart);

// With whiskers from `low` to `high` where these differ.
struct ChartBar {
  double value = 0;
  double low = 0;
  double high = 0;
};

struct BarGroup {
  std::string name;
  std::vector<ChartBar> bars;  // one of each series
};

struct BarChart {
  std::string title;
  Axis y;
  std::vector<std::string> series;
  std::vector<BarGroup> groups;
};
[[nodiscard]] std::string bar_chart(const BarChart& chart);

// What each of many got, from the least to the most.
struct SharesChart {
  std::string title;
  Axis y;
  std::string of_what;  // "connections"
  std::vector<double> shares;
  std::optional<double> fair;  // a line where all would be if they got the same
};
[[nodiscard]] std::string shares_chart(const SharesChart& chart);

// The CSS that charts need, once in a page.
[[nodiscard]] std::string_view chart_style() noexcept;

// Text that may stand between tags and in attributes, whatever it was.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace ouro::load
