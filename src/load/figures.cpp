#include "load/figures.h"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <string_view>

namespace ouro::load {
namespace {

constexpr std::string_view kCountNames[] = {"", " k", " M", " G", " T"};
constexpr std::string_view kTimeNames[] = {" ns", " us", " ms", " s"};
constexpr std::string_view kSecondNames[] = {" s"};
constexpr std::string_view kByteNames[] = {" B", " KiB", " MiB", " GiB", " TiB"};
constexpr std::string_view kBitNames[] = {" bit/s", " kbit/s", " Mbit/s", " Gbit/s", " Tbit/s"};

std::span<const std::string_view> names_of(Unit unit) {
  switch (unit) {
    case Unit::kCount:
      return kCountNames;
    case Unit::kNanoseconds:
      return kTimeNames;
    case Unit::kSeconds:
      return kSecondNames;
    case Unit::kBytes:
      return kByteNames;
    case Unit::kBitsPerSecond:
      return kBitNames;
  }
  return kCountNames;
}

struct Scaled {
  double value = 0;
  std::string_view name;
  bool smallest = false;  // in the unit that has no smaller one
};

// In the largest unit that leaves something before the point, once it is rounded to three digits.
Scaled scaled(double value, Unit unit) {
  const std::span<const std::string_view> names = names_of(unit);
  const double step = unit == Unit::kBytes ? 1024 : 1000;
  std::size_t name = 0;
  while (name + 1 < names.size() && std::abs(value) >= step - 0.5) {
    value /= step;
    ++name;
  }
  return {value, names[name], name == 0};
}

int decimals(double value) {
  const double size = std::abs(value);
  return size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
}

bool is_whole(double value) { return value == std::floor(value); }

}  // namespace

std::string figure(double value, Unit unit) {
  if (!std::isfinite(value)) return "-";
  const Scaled figure = scaled(value, unit);
  const bool bare = figure.smallest && is_whole(figure.value);
  return fmt::format("{:.{}f}{}", figure.value, bare ? 0 : decimals(figure.value), figure.name);
}

std::string short_figure(double value, Unit unit) {
  if (!std::isfinite(value)) return "-";
  const Scaled figure = scaled(value, unit);
  if (figure.value == 0) return "0";
  const std::string number = std::abs(figure.value) < 999.5 ? fmt::format("{:.3g}", figure.value)
                                                            : fmt::format("{:.0f}", figure.value);
  return fmt::format("{}{}", number, figure.name);
}

std::string percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.3g} %", share * 100) : "-";
}

}  // namespace ouro::load
