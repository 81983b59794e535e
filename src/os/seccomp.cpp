#include "os/seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ouro::os {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
#error "the filter has to know this machine's system calls"
#endif

// In the order of their frequency. Kernels from 5.11 on remember the answer for those that depend
// on no argument, so that the length of the list costs nothing.
constexpr auto kAllowed = std::to_array<std::uint32_t>({
    SYS_recvfrom,
    SYS_sendto,
    SYS_epoll_pwait2,
    SYS_epoll_pwait,
    SYS_epoll_ctl,
    SYS_read,
    SYS_write,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_readv,
    SYS_writev,
    SYS_pwritev2,
    SYS_accept4,
    SYS_close,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_ppoll,
    // Memory.
    SYS_brk,
    SYS_madvise,
    SYS_mremap,
    SYS_munmap,
    // Time, where the vDSO does not know it.
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    // Signals and ends: what abort() takes, and what the death of the parent sets off.
    SYS_exit,
    SYS_exit_group,
    SYS_getpid,
    SYS_gettid,
    SYS_restart_syscall,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_setitimer,
    // What the C library may need at any time.
    SYS_futex,
    SYS_getrandom,
    SYS_sched_yield,
#if defined(__x86_64__)
    SYS_alarm,
    SYS_epoll_wait,
    SYS_poll,
#endif
});

constexpr auto kFatal = std::to_array<std::uint32_t>(
    {SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev});

class Filter {
 public:
  Filter() {
    load(offsetof(seccomp_data, arch));
    unless_equal(kMachine, SECCOMP_RET_KILL_PROCESS);
    load_number();
  }

  void answer(std::uint32_t call, std::uint32_t with) {
    steps_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    give(with);
  }

  // Goes through if the argument is one of these.
  void allow_values(std::uint32_t call, unsigned argument,
                    const std::vector<std::uint32_t>& values) {
    const auto count = static_cast<std::uint8_t>(values.size());
    steps_.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, static_cast<std::uint8_t>(2 * count + 2)));
    load_argument(argument);
    for (const std::uint32_t value : values) {
      steps_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
      give(SECCOMP_RET_ALLOW);
    }
    give(kRefusal);
  }

  // Goes through if the argument has none of these bits.
  void allow_without(std::uint32_t call, unsigned argument, std::uint32_t bits) {
    steps_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4));
    load_argument(argument);
    steps_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
    give(kRefusal);
    give(SECCOMP_RET_ALLOW);
  }

  Result<void> put_in_force() {
    give(kRefusal);
    const sock_fprog program{.len = static_cast<unsigned short>(steps_.size()),
                             .filter = steps_.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) return {};
    return fail_errno("seccomp", errno);
  }

 private:
  static constexpr std::uint32_t kRefusal = SECCOMP_RET_ERRNO | EPERM;

  void load(std::size_t offset) {
    steps_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  }
  void load_number() { load(offsetof(seccomp_data, nr)); }
  // Its lower half; both machines have that first.
  void load_argument(unsigned index) {
    load(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
  }
  void unless_equal(std::uint32_t value, std::uint32_t with) {
    steps_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    give(with);
  }
  void give(std::uint32_t what) { steps_.push_back(BPF_STMT(BPF_RET | BPF_K, what)); }

  std::vector<sock_filter> steps_;
};

}  // namespace

Result<void> forbid_system_calls(bool uring, bool connects, bool splices) {
  Filter filter;
  if (uring) filter.answer(SYS_io_uring_enter, SECCOMP_RET_ALLOW);
  for (const std::uint32_t call : kAllowed) filter.answer(call, SECCOMP_RET_ALLOW);
  if (connects) {
    filter.allow_values(SYS_socket, 0, {AF_INET, AF_INET6, AF_UNIX});
    filter.answer(SYS_connect, SECCOMP_RET_ALLOW);
    filter.answer(SYS_bind, SECCOMP_RET_ALLOW);
  }
  filter.allow_without(SYS_mmap, 2, PROT_EXEC);
  filter.allow_without(SYS_mprotect, 2, PROT_EXEC);
  std::vector<std::uint32_t> controls{F_GETFL, F_SETFL, F_SETFD, F_DUPFD_CLOEXEC};
  if (splices) {
    filter.answer(SYS_splice, SECCOMP_RET_ALLOW);
    filter.answer(SYS_pipe2, SECCOMP_RET_ALLOW);
    controls.push_back(F_SETPIPE_SZ);
  }
  filter.allow_values(SYS_fcntl, 1, controls);
  filter.allow_values(SYS_ioctl, 1, {FIONREAD, TIOCOUTQ});
  filter.allow_values(SYS_tgkill, 0, {static_cast<std::uint32_t>(::getpid())});  // abort()
  for (const std::uint32_t call : kFatal) filter.answer(call, SECCOMP_RET_KILL_PROCESS);
  return filter.put_in_force();
}

}  // namespace ouro::os
