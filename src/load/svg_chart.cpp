#include "load/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "load/figures.h"
#include "load/svg_canvas.h"

namespace ouro::load {
namespace {

constexpr double kLabelGap = 16;           // between the lines of two labels
constexpr std::size_t kDotsMost = 120;     // of more points the dots would hide the line
constexpr std::size_t kColumnsMost = 600;  // of shares: more would be thinner than a pixel

// A label at the end of a line.
struct EndLabel {
  std::size_t series = 0;
  double y = 0;
};

// Moves labels down until none covers another, then up where they left the plot.
void spread_labels(std::vector<EndLabel>& labels, double bottom) {
  std::ranges::sort(labels, {}, &EndLabel::y);
  for (std::size_t i = 1; i < labels.size(); ++i) {
    labels[i].y = std::max(labels[i].y, labels[i - 1].y + kLabelGap);
  }
  for (std::size_t i = labels.size(); i-- > 0;) {
    labels[i].y = std::min(labels[i].y, bottom);
    bottom = labels[i].y - kLabelGap;
  }
}

std::vector<double> values_of(const LineChart& chart, double ChartPoint::* member) {
  std::vector<double> values;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points) values.push_back(point.*member);
  }
  return values;
}

class LineDrawing {
 public:
  explicit LineDrawing(const LineChart& chart)
      : chart_(chart),
        x_(chart.x, AxisEnd::kTight, values_of(chart, &ChartPoint::x)),
        y_(chart.y, AxisEnd::kRound, values_of(chart, &ChartPoint::y)),
        canvas_(chart.title, plot_for(chart)) {}

  std::string draw() && {
    canvas_.y_axis(chart_.y, y_);
    canvas_.x_axis(chart_.x, x_);
    for (std::size_t i = 0; i < chart_.series.size(); ++i) draw_series(i);
    if (labels_.empty()) canvas_.no_data();
    if (chart_.series.size() > 1) draw_labels();
    return std::move(canvas_).finish();
  }

 private:
  static Plot plot_for(const LineChart& chart) {
    Plot plot;
    double widest = 0;
    for (const ChartSeries& series : chart.series) {
      widest = std::max(widest, text_width(series.name));
    }
    plot.right = chart.series.size() > 1 ? 720 - 30 - std::min(widest, 160.0) : 704;
    return plot;
  }

  bool shows(const ChartPoint& point) const { return x_.shows(point.x) && y_.shows(point.y); }
  double x(const ChartPoint& point) const { return canvas_.plot().x(x_.place(point.x)); }
  double y(const ChartPoint& point) const { return canvas_.plot().y(y_.place(point.y)); }

  void draw_series(std::size_t series) {
    std::string steps;
    bool drawing = false;
    for (const ChartPoint& point : chart_.series[series].points) {
      if (!shows(point)) {
        drawing = false;
        continue;
      }
      fmt::format_to(std::back_inserter(steps), "{}{:.1f} {:.1f}", drawing ? 'L' : 'M', x(point),
                     y(point));
      drawing = true;
    }
    if (steps.empty()) return;
    canvas_.path(series, "line", steps);
    draw_dots(series);
    label_end(series);
  }

  // A dot shows its figures under the mouse, and a point that has no line.
  void draw_dots(std::size_t series) {
    const auto& [name, points] = chart_.series[series];
    if (points.size() > kDotsMost) return;
    for (const ChartPoint& point : points) {
      if (!shows(point)) continue;
      const std::string hint = hint_for(name, point);
      canvas_.dot(series, x(point), y(point), points.size() > 40 ? 1.5 : 2.5, hint);
    }
  }

  // Along an axis with ticks of its own, the number behind a place means nothing to people.
  std::string hint_for(std::string_view name, const ChartPoint& point) const {
    std::string text = fmt::format("{} {}", name, figure(point.y, chart_.y.unit));
    if (!chart_.x.ticks.empty()) return text;
    return fmt::format("{}: {}", short_figure(point.x, chart_.x.unit), text);
  }

  void label_end(std::size_t series) {
    const std::vector<ChartPoint>& points = chart_.series[series].points;
    const auto last = std::find_if(points.rbegin(), points.rend(),
                                   [this](const ChartPoint& point) { return shows(point); });
    if (last != points.rend()) labels_.push_back({series, y(*last)});
  }

  void draw_labels() {
    spread_labels(labels_, canvas_.plot().bottom);
    for (const EndLabel& label : labels_) {
      canvas_.key(label.series, canvas_.plot().right + 8, label.y + 4,
                  chart_.series[label.series].name);
    }
  }

  const LineChart& chart_;
  AxisRange x_;
  AxisRange y_;
  SvgCanvas canvas_;
  std::vector<EndLabel> labels_;
};

std::vector<double> values_of(const BarChart& chart) {
  std::vector<double> values;
  for (const BarGroup& group : chart.groups) {
    for (const ChartBar& bar : group.bars) values.insert(values.end(), {bar.value, bar.high});
  }
  return values;
}

class BarDrawing {
 public:
  explicit BarDrawing(const BarChart& chart)
      : chart_(chart),
        y_(chart.y, AxisEnd::kRound, values_of(chart)),
        canvas_(chart.title, {.right = 712, .bottom = 256}) {}

  std::string draw() && {
    canvas_.y_axis(chart_.y, y_);
    draw_legend();
    if (chart_.groups.empty() || chart_.series.empty()) {
      canvas_.no_data();
    } else {
      for (std::size_t i = 0; i < chart_.groups.size(); ++i) draw_group(i);
    }
    const Plot& plot = canvas_.plot();
    canvas_.line(plot.left, plot.bottom, plot.right, plot.bottom, "base");
    return std::move(canvas_).finish();
  }

 private:
  void draw_legend() {
    if (chart_.series.size() < 2) return;
    double x = canvas_.plot().right;
    for (const std::string& name : chart_.series) x -= text_width(name) + 26;
    x = std::max(x, canvas_.plot().left);
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      canvas_.key(i, x, canvas_.plot().top - 11, chart_.series[i]);
      x += text_width(chart_.series[i]) + 26;
    }
  }

  double group_width() const {
    return canvas_.plot().width() / static_cast<double>(chart_.groups.size());
  }
  double bar_width() const {
    return std::min(group_width() * 0.76 / static_cast<double>(chart_.series.size()), 56.0);
  }

  // Either every bar says its value or none does.
  bool labels_fit() const {
    double widest = 0;
    for (const BarGroup& group : chart_.groups) {
      for (const ChartBar& bar : group.bars) {
        widest = std::max(widest, text_width(figure(bar.value, chart_.y.unit)));
      }
    }
    return widest <= bar_width() + 6;
  }

  void draw_group(std::size_t index) {
    const BarGroup& group = chart_.groups[index];
    const Plot& plot = canvas_.plot();
    const double width = group_width();
    const double begin = plot.left + width * static_cast<double>(index);
    const auto bars = static_cast<double>(chart_.series.size());
    const double bar_width = this->bar_width();
    double x = begin + (width - bar_width * bars) / 2;
    for (std::size_t i = 0; i < std::min(group.bars.size(), chart_.series.size()); ++i) {
      draw_bar(i, group, x, bar_width);
      x += bar_width;
    }
    // Long names stand on two levels, so that neighbours do not cover each other.
    const bool lower = text_width(group.name) > width && index % 2 == 1;
    canvas_.text(begin + width / 2, plot.bottom + (lower ? 34 : 18), Anchor::kMiddle, "muted",
                 group.name);
  }

  void draw_bar(std::size_t series, const BarGroup& group, double x, double width) {
    const ChartBar& bar = group.bars[series];
    if (!y_.shows(bar.value)) return;
    const Plot& plot = canvas_.plot();
    const double gap = std::min(2.0, width * 0.1);
    const double top = plot.y(y_.place(bar.value));
    const std::string text = figure(bar.value, chart_.y.unit);
    canvas_.bar(series, x + gap / 2, top, width - gap, plot.bottom - top,
                fmt::format("{}, {}: {}", group.name, chart_.series[series], text));
    double above = top;
    if (bar.low < bar.high && y_.shows(bar.low) && y_.shows(bar.high)) {
      draw_whisker(bar, x + width / 2, std::min(width * 0.2, 6.0));
      above = plot.y(y_.place(bar.high));
    }
    if (labels_fit()) {
      canvas_.text(x + width / 2, above - 5, Anchor::kMiddle, "small", text);
    }
  }

  void draw_whisker(const ChartBar& bar, double x, double half) {
    const double low = canvas_.plot().y(y_.place(bar.low));
    const double high = canvas_.plot().y(y_.place(bar.high));
    canvas_.line(x, low, x, high, "whisker");
    canvas_.line(x - half, low, x + half, low, "whisker");
    canvas_.line(x - half, high, x + half, high, "whisker");
  }

  const BarChart& chart_;
  AxisRange y_;
  SvgCanvas canvas_;
};

std::vector<double> values_of(const SharesChart& chart) {
  std::vector<double> values = chart.shares;
  if (chart.fair) values.push_back(*chart.fair);
  return values;
}

std::vector<double> sorted_numbers(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  std::ranges::sort(values);
  return values;
}

// Steps over the plot's whole width; of very many shares every so manieth, the last one always.
std::string share_steps(const std::vector<double>& sorted, const AxisRange& range,
                        const Plot& plot) {
  const std::size_t columns = std::min(sorted.size(), kColumnsMost);
  std::string steps = fmt::format("M{:.1f} {:.1f}", plot.left, plot.bottom);
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t index = columns == 1 ? 0 : i * (sorted.size() - 1) / (columns - 1);
    const double end = plot.x(static_cast<double>(i + 1) / static_cast<double>(columns));
    fmt::format_to(std::back_inserter(steps), "V{:.1f}H{:.1f}", plot.y(range.place(sorted[index])),
                   end);
  }
  return steps + fmt::format("V{:.1f}Z", plot.bottom);
}

}  // namespace

std::string line_chart(const LineChart& chart) { return LineDrawing(chart).draw(); }

std::string bar_chart(const BarChart& chart) { return BarDrawing(chart).draw(); }

std::string shares_chart(const SharesChart& chart) {
  const std::vector<double> sorted = sorted_numbers(chart.shares);
  const AxisRange range(chart.y, AxisEnd::kRound, values_of(chart));
  SvgCanvas canvas(chart.title, {});
  const Plot& plot = canvas.plot();
  canvas.y_axis(chart.y, range);
  if (sorted.empty()) {
    canvas.no_data();
  } else {
    canvas.path(0, "area", share_steps(sorted, range, plot));
    canvas.x_tick(0, "1");
    canvas.x_tick(1, std::to_string(sorted.size()));
  }
  canvas.line(plot.left, plot.bottom, plot.right, plot.bottom, "base");
  canvas.x_name(
      fmt::format("{} {}, from the least served to the most", sorted.size(), chart.of_what));
  if (chart.fair && range.shows(*chart.fair)) {
    const double y = plot.y(range.place(*chart.fair));
    canvas.line(plot.left, y, plot.right, y, "rule");
    canvas.text(plot.right + 8, y + 4, Anchor::kStart, "key", "fair share");
  }
  return std::move(canvas).finish();
}

}  // namespace ouro::load
