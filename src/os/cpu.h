// Which CPUs this process may use, and how much of them: affinity (cpusets included) and the
// quota of its control group, version 1 or 2.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ouro::os {

// In ascending order; at least one.
[[nodiscard]] std::vector<unsigned> allowed_cpus();
// CPUs' worth of time that the control group grants, rounded up; nothing: no limit is set.
[[nodiscard]] std::optional<unsigned> cpu_quota();
// How many workers to run: one per allowed CPU, fewer where the quota is lower.
[[nodiscard]] unsigned usable_cpus();

// Keeps the calling process on one CPU; false if the system refuses.
bool pin_to_cpu(unsigned cpu) noexcept;

// What the files of /proc and /sys say; apart from the reading so that it can be tested.
// "max 100000" or "150000 100000" (cgroup 2 cpu.max) gives 2.
[[nodiscard]] std::optional<unsigned> parse_cpu_max(std::string_view text);
// cgroup 1: cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
[[nodiscard]] std::optional<unsigned> parse_cfs(std::string_view quota, std::string_view period);
// The group's path in /proc/self/cgroup: of version 2, or of version 1's "cpu" controller.
struct CgroupPaths {
  std::optional<std::string> unified;
  std::optional<std::string> cpu_controller;
};
[[nodiscard]] CgroupPaths parse_cgroup_file(std::string_view text);

}  // namespace ouro::os
