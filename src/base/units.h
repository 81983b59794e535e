// Sizes and times as people write them on a command line: "256KiB", "64k", "2s", "500ms".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "ouro/error.h"

namespace ouro {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

// A whole number of bytes, or of KiB, MiB or GiB (also written k, M, G; case does not matter).
// Units are powers of two; "KB" is refused, because it means one thing to some and another to
// others.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

// A whole number of ms, s, m or h. The unit is needed, except for 0.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// As clocks and deadlines count; of what is not negative.
[[nodiscard]] constexpr std::uint64_t as_ns(std::chrono::nanoseconds duration) noexcept {
  return static_cast<std::uint64_t>(duration.count());
}

// In the largest unit that says it exactly: what parse_size() and parse_duration() take.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

}  // namespace ouro
