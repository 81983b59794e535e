// What a process and its descendants have cost so far, from /proc; and what this thread has.
#pragma once

#include <cstdint>
#include <optional>

#include "os/process.h"

namespace ouro::os {

struct ProcessUsage {
  unsigned processes = 0;
  std::uint64_t user_ns = 0;
  std::uint64_t kernel_ns = 0;
  std::uint64_t context_switches = 0;
};

// Nothing if there is no such process. Children that have ended no longer count.
[[nodiscard]] std::optional<ProcessUsage> usage_of(ProcessId process);
// Memory in bytes, pages shared by several counted in parts (PSS); 0 where that is not told.
[[nodiscard]] std::uint64_t memory_of(ProcessId process);

// CPU time of the calling thread.
[[nodiscard]] std::uint64_t own_thread_cpu_ns() noexcept;
// Waits of this thread end within a microsecond or so of when they should, not fifty.
void wait_precisely() noexcept;

}  // namespace ouro::os
