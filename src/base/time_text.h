// A moment as logs write it.
#pragma once

#include <cstdint>
#include <string>

namespace ouro {

// Wall-clock time in UTC: 2026-01-01T00:00:00.000Z.
[[nodiscard]] std::string time_text(std::uint64_t unix_ms);

// Of the wall clock.
[[nodiscard]] std::uint64_t unix_ms_now() noexcept;

}  // namespace ouro
