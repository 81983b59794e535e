#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "os/features_trial.h"

namespace ouro::os::trial {
namespace {

struct Known {
  const char* key;
  const char* name;
  FeatureUse use;
  const char* since;       // the first mainline Linux with it; empty if that does not matter
  bool Features::* field;  // what else it sets; null if nothing
};

constexpr FeatureUse kEssential = FeatureUse::kEssential;
constexpr FeatureUse kUsed = FeatureUse::kUsed;
constexpr FeatureUse kReported = FeatureUse::kReported;

// In the order of the report.
constexpr auto kKnown = std::to_array<Known>({
    {"uring", "io_uring", kEssential, "5.1", &Features::uring},
    {"timed_wait", "waits with a time limit", kEssential, "5.11", nullptr},
    {"buffer_rings", "provided buffer rings", kEssential, "5.19", nullptr},
    {"operations", "accept, connect, send, receive, poll, cancel, close", kEssential, "5.6",
     nullptr},
    {"submit_all", "a bad request does not stop its batch", kUsed, "5.18", &Features::submit_all},
    {"coop_taskrun", "completion work without interrupts", kUsed, "5.19", &Features::coop_taskrun},
    {"taskrun_flag", "a flag for pending completion work", kUsed, "5.19", &Features::taskrun_flag},
    {"single_issuer", "rings owned by one thread", kUsed, "6.0", &Features::single_issuer},
    {"defer_taskrun", "completion work deferred to the wait", kUsed, "6.1",
     &Features::defer_taskrun},
    {"no_sqarray", "submissions without an index array", kUsed, "6.6", &Features::no_sqarray},
    {"registered_ring", "registered ring descriptor", kUsed, "5.18", &Features::registered_ring},
    {"no_iowait", "waits not counted as iowait", kUsed, "6.15", &Features::no_iowait},
    {"restrictions", "rings restricted to what is in use", kUsed, "5.10", &Features::restrictions},
    {"multishot_receive", "multishot receive", kUsed, "6.0", &Features::multishot_receive},
    {"receive_limit", "multishot receive with a byte limit", kUsed, "6.17",
     &Features::receive_limit},
    {"receive_bounded", "multishot receive yields to others", kReported, "6.8",
     &Features::receive_bounded},
    {"poll_first", "receive that polls first", kReported, "5.19", &Features::poll_first},
    {"end_without_buffer", "end of stream seen without a free buffer", kReported, "", nullptr},
    {"receive_bundles", "receive into several buffers at once", kReported, "6.10", nullptr},
    {"multishot_accept", "multishot accept", kReported, "5.19", &Features::multishot_accept},
    {"direct_accept", "accept into fixed files", kReported, "5.19", &Features::direct_accept},
    {"send_zero_copy", "zero-copy send", kUsed, "6.0", &Features::send_zero_copy},
    {"zero_copy_report", "zero-copy send tells when it copied", kUsed, "6.2",
     &Features::zero_copy_report},
    {"registered_buffers", "registered buffers", kUsed, "5.1", &Features::registered_buffers},
    {"min_wait", "waits that gather completions", kReported, "6.12", nullptr},
    {"sqpoll", "kernel thread that submits", kReported, "5.13", nullptr},
    {"napi", "busy polling of network cards", kReported, "6.9", nullptr},
    {"epoll_wait_ns", "epoll waits in nanoseconds", kUsed, "5.11", nullptr},
    {"reuse_port", "several sockets on one port", kUsed, "3.9", nullptr},
    {"migrate_requests", "queued connections outlive their socket", kUsed, "", nullptr},
    {"huge_pages", "huge pages on request", kUsed, "", &Features::huge_pages},
    {"reserved_huge_pages", "huge pages reserved by the administrator", kReported, "", nullptr},
    {"open_files", "room for open files", kUsed, "", nullptr},
    {"locked_memory", "room for locked memory", kUsed, "", nullptr},
    {"accept_queue", "room in accept queues", kUsed, "", nullptr},
    {"unprivileged_user", "workers give up root", kUsed, "", nullptr},
    {"no_capabilities", "workers have no capabilities", kUsed, "", nullptr},
    {"no_new_privileges", "workers cannot gain rights", kUsed, "3.5", nullptr},
    {"landlock", "workers reach no files", kUsed, "5.13", nullptr},
    {"seccomp", "workers make no other system calls", kUsed, "3.5", nullptr},
    {"kernel_tls", "TLS in the kernel", kReported, "4.13", nullptr},
    {"bpf", "BPF maps for sockets", kReported, "4.14", nullptr},
});

const Known& known(std::string_view key) {
  const auto* found = std::ranges::find(
      kKnown, key, [](const Known& entry) { return std::string_view(entry.key); });
  OURO_CHECK(found != kKnown.end());
  return *found;
}

std::pair<int, int> version_of(const char* text) {
  std::pair<int, int> version;
  return std::sscanf(text, "%d.%d", &version.first, &version.second) == 2 ? version
                                                                          : std::pair<int, int>{};
}

}  // namespace

Report::Report(Features& features, const Surroundings& surroundings)
    : features_(features), surroundings_(surroundings) {
  features_.kernel = surroundings.kernel;
  for (const Known& entry : kKnown) {
    features_.lines.push_back({entry.key, entry.name, entry.use, false, "not tried", ""});
  }
}

FeatureLine& Report::line(std::string_view key) {
  const auto found = std::ranges::find(features_.lines, key, &FeatureLine::key);
  OURO_CHECK(found != features_.lines.end());
  return *found;
}

void Report::works(std::string_view key, std::string why) {
  FeatureLine& entry = line(key);
  entry.in_force = true;
  entry.why = std::move(why);
  entry.advice.clear();
  if (bool Features::* field = known(key).field) features_.*field = true;
}

void Report::lacks(std::string_view key, std::string why, std::string advice) {
  FeatureLine& entry = line(key);
  entry.in_force = false;
  entry.why = std::move(why);
  entry.advice = std::move(advice);
  if (bool Features::* field = known(key).field) features_.*field = false;
}

void Report::result(std::string_view key, int result, std::string why_it_works) {
  if (result >= 0) return works(key, std::move(why_it_works));
  if (result == -ENOMEM) {
    const Refusal refusal = explain_refusal("it", ENOMEM, surroundings_);
    return lacks(key, refusal.why, refusal.advice);
  }
  lacks(key, "tried: " + errno_name(-result), advice_for(known(key).since));
}

std::string Report::advice_for(std::string_view since) const {
  if (since.empty()) return "";
  const std::string needed(since);
  if (version_of(features_.kernel.c_str()) < version_of(needed.c_str())) {
    return "Linux " + needed + " or later has it";
  }
  return "Linux has it since " + needed + ": this one was built, or is configured, without it";
}

void Report::refuse(const Refusal& refusal) {
  lacks("uring", refusal.why, refusal.advice);
  features_.uring_refusal = refusal.why;
  if (!refusal.advice.empty()) features_.uring_refusal += "; " + refusal.advice;
}

}  // namespace ouro::os::trial
