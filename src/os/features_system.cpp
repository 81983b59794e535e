// What is not io_uring: the other engine's needs, memory, limits and sysctls.
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "os/features_files.h"
#include "os/features_trial.h"
#include "os/memory.h"

namespace ouro::os::trial {
namespace {

// Below these a server is cramped; the advice says how to raise them.
constexpr std::uint64_t kFilesWanted = 65536;
constexpr std::uint64_t kLockedWanted = std::uint64_t{8} << 20;
constexpr std::int64_t kQueueWanted = 4096;

int try_epoll_wait_ns() {
  const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  const timespec now{};
  return ::epoll_pwait2(epoll.get(), &event, 1, &now, nullptr) < 0 ? -errno : 0;
}

int try_reuse_port() {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) socket = Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  return ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ? -errno : 0;
}

void report_migrate_requests(Report& report) {
  constexpr const char* kKey = "migrate_requests";
  switch (read_number("/proc/sys/net/ipv4/tcp_migrate_req", -1)) {
    case -1:
      return report.lacks(kKey, "there is no sysctl net.ipv4.tcp_migrate_req",
                          "Linux 5.14 or later has it");
    case 0:
      return report.lacks(kKey,
                          "sysctl net.ipv4.tcp_migrate_req=0: who waits in the queue of a worker's "
                          "socket is reset when that socket closes",
                          "set sysctl net.ipv4.tcp_migrate_req=1");
    default:
      return report.works(kKey, "sysctl net.ipv4.tcp_migrate_req=1");
  }
}

void try_reserved_huge_pages(Report& report) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
  void* memory = ::mmap(nullptr, kHugePage, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (memory == MAP_FAILED) {
    return report.lacks("reserved_huge_pages", "tried: " + errno_name(errno),
                        "set sysctl vm.nr_hugepages; huge pages on request do as well");
  }
  ::munmap(memory, kHugePage);
  report.works("reserved_huge_pages");
}

long minor_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

// Touches two small pages of what may be one huge page: the second is there already if it is.
void try_huge_pages(Report& report) {
  constexpr std::size_t kSmallPage = 4096;
  constexpr const char* kKey = "huge_pages";
  const Mapping mapping(kHugePage);
  if (mapping.data() == nullptr) return report.lacks(kKey, "tried: no memory", "");
  auto* bytes = reinterpret_cast<volatile unsigned char*>(mapping.data());
  bytes[0] = 1;
  const long before = minor_faults();
  bytes[kSmallPage * 64] = 1;
  if (minor_faults() == before) return report.works(kKey);
  const std::string setting = read_small_file("/sys/kernel/mm/transparent_hugepage/enabled");
  if (setting.find("[never]") != std::string::npos || setting.empty()) {
    return report.lacks(kKey, "transparent huge pages are switched off",
                        "write madvise into /sys/kernel/mm/transparent_hugepage/enabled");
  }
  report.lacks(kKey, "tried: small pages came, though the setting is " + setting,
               "memory may be fragmented: write 1 into /proc/sys/vm/compact_memory");
}

void report_open_files(Report& report) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string why = "at most " + std::to_string(limit.rlim_cur) + " now, " +
                          std::to_string(limit.rlim_max) + " if the process asks";
  if (limit.rlim_max >= kFilesWanted) return report.works("open_files", why);
  report.lacks("open_files", why + "; a connection takes one, a proxied one two",
               "raise the limit: LimitNOFILE= in a systemd unit, ulimit -Hn, --ulimit nofile= for "
               "a container");
}

void report_locked_memory(Report& report) {
  const Surroundings& around = report.surroundings();
  const std::string limit = limit_text(around.memlock_bytes);
  if (around.locks_memory) {
    return report.works("locked_memory", limit + ", and not counted, thanks to CAP_IPC_LOCK");
  }
  const std::string why = limit + " for rings and buffers of all processes of the user";
  if (around.memlock_bytes >= kLockedWanted) return report.works("locked_memory", why);
  report.lacks("locked_memory", why,
               "raise the limit to 8 MiB or more: LimitMEMLOCK= in a systemd unit, ulimit -l, "
               "--ulimit memlock= for a container");
}

void report_accept_queue(Report& report) {
  const std::int64_t longest = read_number("/proc/sys/net/core/somaxconn", 0);
  const std::string why = "sysctl net.core.somaxconn=" + std::to_string(longest);
  if (longest >= kQueueWanted) return report.works("accept_queue", why);
  report.lacks("accept_queue", why, "set sysctl net.core.somaxconn=4096");
}

// Asks for it only where the kernel lists it: asking for what is absent makes the kernel look for
// a module to load.
void try_kernel_tls(Report& report) {
  constexpr const char* kKey = "kernel_tls";
  const std::string available = read_small_file("/proc/sys/net/ipv4/tcp_available_ulp");
  if ((" " + available + " ").find(" tls ") == std::string::npos) {
    return report.lacks(kKey, "sysctl net.ipv4.tcp_available_ulp does not list it",
                        "modprobe tls, where the kernel was built with it");
  }
  const Pair pair = tcp_pair();
  if (!pair.valid()) return;
  const int error = ::setsockopt(pair.near.get(), IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls"));
  report.result(kKey, error < 0 ? -errno : 0);
}

void try_bpf(Report& report) {
  bpf_attr wish{};
  wish.map_type = BPF_MAP_TYPE_SOCKMAP;
  wish.key_size = sizeof(int);
  wish.value_size = sizeof(int);
  wish.max_entries = 1;
  const long number = ::syscall(SYS_bpf, BPF_MAP_CREATE, &wish, sizeof(wish));
  const int error = errno;
  const Fd map(static_cast<int>(number));
  if (map.valid()) return report.works("bpf");
  if (error == EPERM) return report.lacks("bpf", "tried: EPERM", "needs CAP_BPF and CAP_NET_ADMIN");
  report.result("bpf", -error);
}

}  // namespace

void try_system(Report& report) {
  report.result("epoll_wait_ns", try_epoll_wait_ns());
  report.result("reuse_port", try_reuse_port());
  report_migrate_requests(report);
  try_huge_pages(report);
  report_open_files(report);
  report_locked_memory(report);
  report_accept_queue(report);
}

void try_system_curiosities(Report& report) {
  try_reserved_huge_pages(report);
  try_kernel_tls(report);
  try_bpf(report);
}

}  // namespace ouro::os::trial
