// Memory put aside for when the system has no more: a process that serves then stops taking new
// connections, instead of dying with those it has.
#pragma once

#include <cstddef>

namespace ouro::os {

// Puts so much aside, once for this process. From then on an allocation that finds no memory gets
// it from there; only one that comes after that is spent ends the process.
void set_memory_aside(std::size_t bytes) noexcept;

// True while some of it was spent and cannot be made good again.
[[nodiscard]] bool memory_is_short() noexcept;

}  // namespace ouro::os
