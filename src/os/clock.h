// Time. Every deadline uses the monotonic clock; the wall clock is for logs only.
#pragma once

#include <cstdint>

namespace ouro::os {

[[nodiscard]] std::uint64_t now_ns() noexcept;

}  // namespace ouro::os
