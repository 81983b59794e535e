#include "load/svg_canvas.h"

#include <fmt/format.h>

#include <iterator>

#include "load/svg_chart.h"

namespace ouro::load {
namespace {

constexpr double kCanvasWidth = 720;
constexpr double kCanvasHeight = 300;
constexpr std::size_t kColours = 6;

std::string_view name_of(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      return "end";
  }
  return "";
}

// The colours are those of Okabe and Ito, which people with any colour vision tell apart; a little
// darker on white and lighter on black.
constexpr std::string_view kStyle = R"css(
.chart{--ink:#1f2933;--muted:#66707c;--grid:#e4e7eb;
--s0:#0072b2;--s1:#d55e00;--s2:#009270;--s3:#b5609a;--s4:#c58a00;--s5:#3f9fd6;
display:block;width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
.chart text{fill:var(--ink);font-variant-numeric:tabular-nums}
.chart .title{font-size:14px;font-weight:600}
.chart .muted{fill:var(--muted)}
.chart .small{fill:var(--muted);font-size:11px}
.chart .grid{stroke:var(--grid);stroke-width:1}
.chart .base{stroke:var(--muted);stroke-width:1}
.chart .rule{stroke:var(--ink);stroke-width:1.25;stroke-dasharray:5 4}
.chart .whisker{stroke:var(--ink);stroke-width:1.25}
.chart .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;
stroke-linecap:round}
.chart .area{fill:currentColor;fill-opacity:.3;stroke:currentColor;stroke-width:1}
.chart .fill{fill:currentColor}
.chart .s0{color:var(--s0)}.chart .s1{color:var(--s1)}.chart .s2{color:var(--s2)}
.chart .s3{color:var(--s3)}.chart .s4{color:var(--s4)}.chart .s5{color:var(--s5)}
@media (prefers-color-scheme:dark){.chart{--ink:#e4e7eb;--muted:#98a2ad;--grid:#2e363f;
--s0:#56b4e9;--s1:#ff8b45;--s2:#2ec4a0;--s3:#e29bc6;--s4:#f0b429;--s5:#9ad1f2}}
)css";

}  // namespace

std::string_view chart_style() noexcept { return kStyle; }

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        // Control characters may not stand in a page, not even escaped.
        safe += c >= 0 && c < ' ' ? ' ' : c;
    }
  }
  return safe;
}

double text_width(std::string_view text) noexcept {
  constexpr double kCharacterWidth = 6.6;
  return kCharacterWidth * static_cast<double>(text.size());
}

SvgCanvas::SvgCanvas(std::string_view title, Plot plot) : plot_(plot) {
  svg_ = fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" "
      "role=\"img\" aria-label=\"{}\">\n",
      kCanvasWidth, kCanvasHeight, escaped(title));
  text(0, 15, Anchor::kStart, "title", title);
}

void SvgCanvas::y_axis(const Axis& axis, const AxisRange& range) {
  text(plot_.left, plot_.top - 11, Anchor::kStart, "small", axis.name);
  for (const Tick& tick : range.ticks()) {
    const double y = plot_.y(range.place(tick.at));
    line(plot_.left, y, plot_.right, y, "grid");
    text(plot_.left - 8, y + 4, Anchor::kEnd, "muted", tick.label);
  }
}

void SvgCanvas::x_axis(const Axis& axis, const AxisRange& range) {
  line(plot_.left, plot_.bottom, plot_.right, plot_.bottom, "base");
  for (const Tick& tick : range.ticks()) x_tick(range.place(tick.at), tick.label);
  x_name(axis.name);
}

void SvgCanvas::x_tick(double share, std::string_view label) {
  const double x = plot_.x(share);
  line(x, plot_.bottom, x, plot_.bottom + 4, "base");
  text(x, plot_.bottom + 18, Anchor::kMiddle, "muted", label);
}

void SvgCanvas::x_name(std::string_view name) {
  text((plot_.left + plot_.right) / 2, kCanvasHeight - 8, Anchor::kMiddle, "small", name);
}

void SvgCanvas::text(double x, double y, Anchor anchor, std::string_view kind,
                     std::string_view text) {
  fmt::format_to(std::back_inserter(svg_),
                 "<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                 kind, x, y, name_of(anchor), escaped(text));
}

void SvgCanvas::line(double x1, double y1, double x2, double y2, std::string_view kind) {
  fmt::format_to(std::back_inserter(svg_),
                 "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                 kind, x1, y1, x2, y2);
}

void SvgCanvas::path(std::size_t series, std::string_view kind, std::string_view steps) {
  fmt::format_to(std::back_inserter(svg_), "<path class=\"{} s{}\" d=\"{}\"/>\n", kind,
                 series % kColours, steps);
}

void SvgCanvas::dot(std::size_t series, double x, double y, double radius, std::string_view hint) {
  fmt::format_to(std::back_inserter(svg_),
                 "<circle class=\"fill s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\">"
                 "<title>{}</title></circle>\n",
                 series % kColours, x, y, radius, escaped(hint));
}

void SvgCanvas::bar(std::size_t series, double x, double y, double width, double height,
                    std::string_view hint) {
  fmt::format_to(std::back_inserter(svg_),
                 "<rect class=\"fill s{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
                 "height=\"{:.1f}\"><title>{}</title></rect>\n",
                 series % kColours, x, y, width, height, escaped(hint));
}

void SvgCanvas::key(std::size_t series, double x, double y, std::string_view name) {
  dot(series, x + 4, y - 4, 4, name);
  text(x + 13, y, Anchor::kStart, "key", name);
}

void SvgCanvas::no_data() {
  text((plot_.left + plot_.right) / 2, (plot_.top + plot_.bottom) / 2, Anchor::kMiddle, "muted",
       "nothing to show");
}

std::string SvgCanvas::finish() && { return std::move(svg_) + "</svg>\n"; }

}  // namespace ouro::load
