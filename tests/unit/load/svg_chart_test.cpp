#include "load/svg_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "unit/load/balanced_tags.h"

namespace ouro::load {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_sound(const std::string& svg) {
  EXPECT_EQ(tag_trouble(svg), "");
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_THAT(svg, Not(HasSubstr("\"-")));
}

LineChart line_of(std::vector<ChartPoint> points, Scale scale) {
  return {.title = "A line",
          .x = {.name = "time", .unit = Unit::kSeconds, .scale = scale, .ticks = {}},
          .y = {.name = "latency", .unit = Unit::kNanoseconds, .scale = scale, .ticks = {}},
          .series = {{"p50", std::move(points)}, {"p99", {}}}};
}

std::vector<std::string> labels(const AxisRange& range) {
  std::vector<std::string> labels;
  for (const Tick& tick : range.ticks()) labels.push_back(tick.label);
  return labels;
}

TEST(SvgChart, any_data_make_a_sound_line_chart) {
  const std::vector<std::vector<ChartPoint>> cases = {{},
                                                      {{1, 1}},
                                                      {{1, 5}, {2, 5}, {3, 5}},
                                                      {{0, 0}, {0, 0}},
                                                      {{1, kNan}, {kInfinity, 1}, {2, -kInfinity}},
                                                      {{1, 1e-320}, {2, 1e308}},
                                                      {{-1, -5}, {1, 5}}};
  for (const std::vector<ChartPoint>& points : cases) {
    for (const Scale scale : {Scale::kLinear, Scale::kLog}) {
      expect_sound(line_chart(line_of(points, scale)));
    }
  }
}

TEST(SvgChart, any_data_make_a_sound_bar_chart) {
  const Axis y{.name = "CPU", .unit = Unit::kNanoseconds, .ticks = {}};
  expect_sound(bar_chart({.title = "", .y = y, .series = {}, .groups = {}}));
  expect_sound(bar_chart({.title = "", .y = y, .series = {"a"}, .groups = {}}));
  expect_sound(bar_chart({.title = "", .y = y, .series = {}, .groups = {{"g", {{1, 1, 1}}}}}));
  expect_sound(bar_chart(
      {.title = "",
       .y = y,
       .series = {"a", "b"},
       .groups = {
           {"g", {{kNan, 0, kInfinity}, {0, 0, 0}, {9, 9, 9}}}, {"h", {{5, 4, 6}}}, {"i", {}}}}));
}

TEST(SvgChart, any_data_make_a_sound_shares_chart) {
  for (const std::vector<double>& shares : std::vector<std::vector<double>>{
           {}, {0}, {7}, {3, 3, 3}, {kNan, 1, kInfinity}, std::vector<double>(20'000, 2.5)}) {
    expect_sound(shares_chart({"Shares", {"rate", {}, {}, {}}, "connections", shares, 3.0}));
    expect_sound(shares_chart({"Shares", {"rate", {}, {}, {}}, "connections", shares, kNan}));
  }
}

TEST(SvgChart, nothing_is_said_to_be_nothing) {
  EXPECT_THAT(line_chart(line_of({}, Scale::kLinear)), HasSubstr("nothing to show"));
  EXPECT_THAT(line_chart(line_of({{1, 1}}, Scale::kLinear)), Not(HasSubstr("nothing to show")));
}

TEST(SvgChart, what_cannot_be_shown_leaves_a_gap) {
  const std::string svg =
      line_chart(line_of({{1, 10}, {2, 20}, {3, 0}, {4, 10}, {5, 10}}, Scale::kLog));
  EXPECT_THAT(svg, HasSubstr("<path class=\"line s0\" d=\"M"));
  const std::string path = svg.substr(svg.find(" d=\""), 80);
  EXPECT_THAT(path, MatchesRegex(" d=\"M[0-9. ]+L[0-9. ]+M[0-9. ]+L[0-9. ]+\"[^\r]*"));
}

TEST(SvgChart, whiskers_are_drawn_where_there_is_a_spread) {
  BarChart chart{.title = "Bars", .y = {}, .series = {"a"}, .groups = {{"g", {{5, 5, 5}}}}};
  EXPECT_THAT(bar_chart(chart), Not(HasSubstr("whisker")));
  chart.groups[0].bars[0] = {5, 4, 7};
  EXPECT_THAT(bar_chart(chart), HasSubstr("whisker"));
}

TEST(SvgChart, many_shares_make_a_small_picture) {
  const std::vector<double> shares(100'000, 3.0);
  EXPECT_LT(shares_chart({"Shares", {}, "connections", shares, {}}).size(), 20'000u);
}

TEST(SvgChart, labels_are_escaped) {
  LineChart chart = line_of({{1, 1}}, Scale::kLinear);
  chart.title = "\"/><script>&";
  chart.series[0].name = "</text>'\x01";
  chart.y.name = "<b>";
  expect_sound(line_chart(chart));
  EXPECT_THAT(line_chart(chart), HasSubstr("&quot;/&gt;&lt;script&gt;&amp;"));
  EXPECT_EQ(escaped("</text>'\x01"), "&lt;/text&gt;&#39; ");
}

TEST(Axis, ticks_are_round) {
  const std::vector<double> values{0, 437};
  EXPECT_EQ(labels(AxisRange({}, AxisEnd::kRound, values)),
            (std::vector<std::string>{"0", "100", "200", "300", "400", "500"}));
  const Axis time{.name = "", .unit = Unit::kNanoseconds, .scale = Scale::kLog, .ticks = {}};
  const std::vector<double> times{3e3, 8e6};
  EXPECT_EQ(labels(AxisRange(time, AxisEnd::kRound, times)),
            (std::vector<std::string>{"10 us", "100 us", "1 ms", "10 ms"}));
}

TEST(Axis, places_run_from_zero_to_one) {
  const std::vector<double> values{10, 1000};
  const AxisRange log({.name = "", .unit = {}, .scale = Scale::kLog, .ticks = {}}, AxisEnd::kTight,
                      values);
  EXPECT_DOUBLE_EQ(log.place(10), 0);
  EXPECT_DOUBLE_EQ(log.place(100), 0.5);
  EXPECT_DOUBLE_EQ(log.place(1000), 1);
  EXPECT_FALSE(log.shows(0));
  const AxisRange linear({}, AxisEnd::kTight, values);
  EXPECT_DOUBLE_EQ(linear.place(0), 0);
  EXPECT_DOUBLE_EQ(linear.place(500), 0.5);
  EXPECT_DOUBLE_EQ(linear.place(5000), 1);
}

}  // namespace
}  // namespace ouro::load
