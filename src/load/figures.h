// Numbers as people read them: three digits that matter, and a unit.
#pragma once

#include <cstdint>
#include <string>

namespace ouro::load {

enum class Unit : std::uint8_t { kCount, kNanoseconds, kSeconds, kBytes, kBitsPerSecond };

// "270 us", "1.20 ms", "2.21 GiB", "1.90 Gbit/s", "12.3 k"; the same width for the same size, for
// columns of figures. What is no finite number is "-".
[[nodiscard]] std::string figure(double value, Unit unit);
// The same without zeros at the end: "1.2 ms", for axes.
[[nodiscard]] std::string short_figure(double value, Unit unit);

// 0.987 is "98.7 %".
[[nodiscard]] std::string percent(double share);

}  // namespace ouro::load
