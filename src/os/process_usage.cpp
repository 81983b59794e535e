#include "os/process_usage.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "os/read_file.h"

namespace ouro::os {
namespace {

namespace fs = std::filesystem;

// Empty when the process has ended meanwhile.
std::string text_of(const std::string& path) { return read_file(path).value_or(""); }

// The number behind `key` in a file of lines "key:   123 kB"; all of them, added up.
std::uint64_t field(std::string_view text, std::string_view key) {
  std::uint64_t sum = 0;
  for (std::size_t at = text.find(key); at != text.npos; at = text.find(key, at + 1)) {
    if (at > 0 && text[at - 1] != '\n') continue;
    const std::size_t digits = text.find_first_of("0123456789", at + key.size());
    if (digits == text.npos) break;
    std::uint64_t value = 0;
    std::from_chars(text.data() + digits, text.data() + text.size(), value);
    sum += value;
  }
  return sum;
}

// The fields of /proc/N/stat behind the name, which may hold anything: 0 is the state.
std::vector<std::string> stat_fields(const std::string& path) {
  const std::string text = text_of(path);
  std::vector<std::string> fields;
  std::size_t at = text.rfind(')');
  while (at < text.size()) {
    const std::size_t begin = text.find_first_not_of(" )\n", at);
    if (begin == text.npos) break;
    at = text.find(' ', begin);
    fields.push_back(text.substr(begin, at - begin));
  }
  return fields;
}

std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator each(folder, ignored), end; each != end; each.increment(ignored)) {
    names.push_back(each->path().filename().string());
  }
  return names;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// The process and all that descend from it.
std::vector<std::string> family_of(ProcessId process) {
  constexpr std::size_t kParent = 1;
  std::multimap<std::string, std::string> children;
  for (const std::string& name : entries("/proc")) {
    if (!is_number(name)) continue;
    const auto fields = stat_fields("/proc/" + name + "/stat");
    if (fields.size() > kParent) children.emplace(fields[kParent], name);
  }
  std::vector<std::string> family{std::to_string(process)};
  for (std::size_t i = 0; i < family.size(); ++i) {
    const auto [begin, end] = children.equal_range(family[i]);
    for (auto child = begin; child != end; ++child) family.push_back(child->second);
  }
  return family;
}

std::uint64_t exact_ns(const std::string& thread_folder) {
  const std::string text = text_of(thread_folder + "/schedstat");
  std::uint64_t ns = 0;
  std::from_chars(text.data(), text.data() + text.size(), ns);
  return ns;
}

// The process's own count is in ticks, divided into user and kernel time, and knows of threads that
// have ended; the threads' is exact, and of those that live. The larger is the truer one.
void add_times(ProcessUsage& usage, const std::string& folder, std::uint64_t threads_ns) {
  constexpr std::size_t kUserTicks = 11;
  const auto fields = stat_fields(folder + "/stat");
  if (fields.size() <= kUserTicks + 1) return;
  const std::uint64_t user = std::stoull(fields[kUserTicks]);
  const std::uint64_t ticks = user + std::stoull(fields[kUserTicks + 1]);
  const std::uint64_t tick_ns = kSecondNs / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const std::uint64_t whole = std::max(threads_ns, ticks * tick_ns);
  const double user_share =
      ticks == 0 ? 0.5 : static_cast<double>(user) / static_cast<double>(ticks);
  const auto user_ns = static_cast<std::uint64_t>(user_share * static_cast<double>(whole));
  usage.user_ns += user_ns;
  usage.kernel_ns += whole - user_ns;
}

}  // namespace

std::optional<ProcessUsage> usage_of(ProcessId process) {
  ProcessUsage usage;
  for (const std::string& member : family_of(process)) {
    const std::string folder = "/proc/" + member;
    const auto threads = entries(folder + "/task");
    if (threads.empty()) continue;
    ++usage.processes;
    std::uint64_t threads_ns = 0;
    for (const std::string& thread : threads) {
      std::string of_thread = folder;
      of_thread.append("/task/").append(thread);
      threads_ns += exact_ns(of_thread);
      const std::string status = text_of(of_thread + "/status");
      usage.context_switches += field(status, "voluntary_ctxt_switches:");
      usage.context_switches += field(status, "nonvoluntary_ctxt_switches:");
    }
    add_times(usage, folder, threads_ns);
  }
  if (usage.processes == 0) return std::nullopt;
  return usage;
}

std::uint64_t memory_of(ProcessId process) {
  constexpr std::uint64_t kKib = 1024;
  std::uint64_t sum = 0;
  for (const std::string& member : family_of(process)) {
    sum += field(text_of("/proc/" + member + "/smaps_rollup"), "Pss:") * kKib;
  }
  return sum;
}

std::uint64_t own_thread_cpu_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void wait_precisely() noexcept { ::prctl(PR_SET_TIMERSLACK, 1UL); }

}  // namespace ouro::os
