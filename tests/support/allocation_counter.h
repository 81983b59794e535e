// Counts what this process takes from the heap, per thread.
#pragma once

#include <cstdint>

namespace ouro::test {

// Allocations made by the calling thread so far. Whatever program links this counts them.
[[nodiscard]] std::uint64_t allocations_of_this_thread() noexcept;

}  // namespace ouro::test
