#include "os/cpu.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "os/read_file.h"

namespace ouro::os {
namespace {

// Far above what CPU_SETSIZE (1024) allows; sched_getaffinity fails while the set is too small.
constexpr std::size_t kCpusMax = 8192;

std::optional<std::int64_t> parse_number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<unsigned> whole_cpus(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<unsigned>((quota + period - 1) / period);
}

std::optional<unsigned> smaller(std::optional<unsigned> one, std::optional<unsigned> other) {
  if (!one) return other;
  if (!other) return one;
  return std::min(*one, *other);
}

// A group is held to the limits of all groups above it. Where the path is not mounted (a container
// that sees its host's path), the root of the mount is the group itself.
template <typename ReadLimit>
std::optional<unsigned> lowest_limit(std::string path, const ReadLimit& read_limit) {
  std::optional<unsigned> lowest;
  while (path.size() > 1) {
    lowest = smaller(lowest, read_limit(path));
    path.erase(path.rfind('/'));
  }
  return smaller(lowest, read_limit(""));
}

std::optional<unsigned> unified_quota(const std::string& path) {
  return lowest_limit(path, [](const std::string& group) -> std::optional<unsigned> {
    const auto text = read_file("/sys/fs/cgroup" + group + "/cpu.max");
    return text ? parse_cpu_max(*text) : std::nullopt;
  });
}

std::optional<unsigned> controller_quota(const std::string& path) {
  return lowest_limit(path, [](const std::string& group) -> std::optional<unsigned> {
    const auto quota = read_file("/sys/fs/cgroup/cpu" + group + "/cpu.cfs_quota_us");
    const auto period = read_file("/sys/fs/cgroup/cpu" + group + "/cpu.cfs_period_us");
    return quota && period ? parse_cfs(*quota, *period) : std::nullopt;
  });
}

bool lists(std::string_view comma_list, std::string_view word) {
  while (!comma_list.empty()) {
    const std::size_t comma = std::min(comma_list.find(','), comma_list.size());
    if (comma_list.substr(0, comma) == word) return true;
    comma_list.remove_prefix(std::min(comma + 1, comma_list.size()));
  }
  return false;
}

}  // namespace

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t* set = CPU_ALLOC(kCpusMax);
  const std::size_t size = CPU_ALLOC_SIZE(kCpusMax);
  if (set != nullptr && ::sched_getaffinity(0, size, set) == 0) {
    for (unsigned cpu = 0; cpu < kCpusMax; ++cpu) {
      if (CPU_ISSET_S(cpu, size, set)) cpus.push_back(cpu);
    }
  }
  if (set != nullptr) CPU_FREE(set);
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

std::optional<unsigned> cpu_quota() {
  const auto text = read_file("/proc/self/cgroup");
  if (!text) return std::nullopt;
  const CgroupPaths paths = parse_cgroup_file(*text);
  std::optional<unsigned> quota;
  if (paths.unified) quota = unified_quota(*paths.unified);
  if (paths.cpu_controller) quota = smaller(quota, controller_quota(*paths.cpu_controller));
  return quota;
}

unsigned usable_cpus() {
  const auto allowed = static_cast<unsigned>(allowed_cpus().size());
  return std::max(1u, std::min(allowed, cpu_quota().value_or(allowed)));
}

bool pin_to_cpu(unsigned cpu) noexcept {
  cpu_set_t* set = CPU_ALLOC(kCpusMax);
  if (set == nullptr || cpu >= kCpusMax) return false;
  const std::size_t size = CPU_ALLOC_SIZE(kCpusMax);
  CPU_ZERO_S(size, set);
  CPU_SET_S(cpu, size, set);
  const bool pinned = ::sched_setaffinity(0, size, set) == 0;
  CPU_FREE(set);
  return pinned;
}

std::optional<unsigned> parse_cpu_max(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return parse_cfs(text.substr(0, space), text.substr(space + 1));
}

std::optional<unsigned> parse_cfs(std::string_view quota, std::string_view period) {
  const auto quota_us = parse_number(quota);
  const auto period_us = parse_number(period);
  if (!quota_us || !period_us) return std::nullopt;
  return whole_cpus(*quota_us, *period_us);
}

CgroupPaths parse_cgroup_file(std::string_view text) {
  CgroupPaths paths;
  while (!text.empty()) {
    const std::size_t line_end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, line_end);
    text.remove_prefix(std::min(line_end + 1, text.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path{line.substr(second + 1)};
    if (line.substr(0, first) == "0" && controllers.empty()) paths.unified = path;
    if (lists(controllers, "cpu")) paths.cpu_controller = path;
  }
  return paths;
}

}  // namespace ouro::os
