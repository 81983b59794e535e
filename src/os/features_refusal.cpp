#include "os/features_refusal.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "os/features_files.h"

namespace ouro::os::trial {
namespace {

constexpr const char* kAllowCalls =
    "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp profile "
    "(not the whole of seccomp=unconfined)";

Refusal explain_permission(const std::string& says, const Surroundings& around) {
  if (around.disabled >= 2) {
    return {says + "sysctl kernel.io_uring_disabled=2 switches it off for everyone",
            "set sysctl kernel.io_uring_disabled=0 on the host (RHEL 9 and its kin come with 2)"};
  }
  if (around.disabled == 1) {
    const std::string group = around.group < 0 ? std::string("no group is named")
                                               : "group " + std::to_string(around.group);
    return {says +
                "sysctl kernel.io_uring_disabled=1 leaves it to CAP_SYS_ADMIN and to "
                "kernel.io_uring_group (" +
                group + ")",
            "put the user into a group and its number into sysctl kernel.io_uring_group, or set "
            "sysctl kernel.io_uring_disabled=0"};
  }
  if (around.seccomp) {
    return {says + "a seccomp filter refuses it, as most container runtimes do by default",
            kAllowCalls};
  }
  return {says + "a security module refuses it (no sysctl and no seccomp filter does)",
          "look for a denial in the audit log; SELinux and AppArmor can forbid io_uring"};
}

Refusal explain_missing(const std::string& says, const Surroundings& around) {
  const std::string& kernel = around.kernel;
  // gVisor answers system calls itself and names an old kernel.
  if (kernel.find("gvisor") != std::string::npos || kernel == "4.4.0") {
    return {says + "this looks like gVisor, which answers system calls itself and has no io_uring",
            "run the container with runc to have io_uring"};
  }
  if (around.seccomp) {
    return {says + "a seccomp filter in force hides it, as some container runtimes do",
            kAllowCalls};
  }
  return {says + "this kernel was built without io_uring, or is older than Linux 5.1",
          "use a kernel built with CONFIG_IO_URING, Linux 6.1 or later"};
}

Refusal explain_memory(const std::string& says, const Surroundings& around) {
  if (around.locks_memory) {
    return {says + "the kernel is out of memory for rings",
            "free memory or raise the cgroup limit"};
  }
  return {
      says + "rings are charged to the user's locked memory, of which " +
          limit_text(around.memlock_bytes) + " are allowed over all its processes",
      "raise it: ulimit -l, LimitMEMLOCK= in a systemd unit, --ulimit memlock= for a container"};
}

}  // namespace

std::string errno_name(int error) {
  const char* name = ::strerrorname_np(error);
  return name != nullptr ? std::string(name) : "errno " + std::to_string(error);
}

std::string limit_text(std::uint64_t bytes) {
  if (bytes == RLIM_INFINITY) return "unlimited";
  if (bytes >= 1 << 20) return std::to_string(bytes >> 20) + " MiB";
  if (bytes >= 1 << 10) return std::to_string(bytes >> 10) + " KiB";
  return std::to_string(bytes) + " bytes";
}

Surroundings read_surroundings() {
  Surroundings around;
  utsname names{};
  if (::uname(&names) == 0) around.kernel = names.release;
  around.disabled = static_cast<int>(read_number("/proc/sys/kernel/io_uring_disabled", 0));
  around.group = read_number("/proc/sys/kernel/io_uring_group", -1);
  const std::string status = read_small_file("/proc/self/status");
  around.seccomp = field_of(status, "Seccomp").starts_with('2');
  const std::string_view effective = field_of(status, "CapEff");
  std::uint64_t capabilities = 0;
  std::from_chars(effective.data(), effective.data() + effective.size(), capabilities, 16);
  around.locks_memory = (capabilities >> CAP_IPC_LOCK & 1) != 0;
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) around.memlock_bytes = limit.rlim_cur;
  return around;
}

Refusal explain_refusal(std::string_view call, int error, const Surroundings& surroundings) {
  const std::string says = std::string(call) + " says " + errno_name(error) + ": ";
  switch (error) {
    case EPERM:
    case EACCES:
      return explain_permission(says, surroundings);
    case ENOSYS:
      return explain_missing(says, surroundings);
    case ENOMEM:
      return explain_memory(says, surroundings);
    case EMFILE:
      return {says + "this process may not open more files", "raise ulimit -n or LimitNOFILE="};
    case ENFILE:
      return {says + "the machine's table of open files is full", "raise sysctl fs.file-max"};
    case EINVAL:
      return {says + "this kernel is too old for what the engine needs", "use Linux 6.1 or later"};
    default: {
      const char* words = ::strerrordesc_np(error);
      return {says + (words != nullptr ? words : "for a reason unknown here"), ""};
    }
  }
}

}  // namespace ouro::os::trial
