// Why io_uring was refused, in words that say what to change. Part of the feature trials.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ouro::os::trial {

// What may stand between this process and io_uring.
struct Surroundings {
  std::string kernel;               // uname -r
  int disabled = 0;                 // sysctl kernel.io_uring_disabled; 0 where it does not exist
  std::int64_t group = -1;          // sysctl kernel.io_uring_group: who may when disabled is 1
  bool seccomp = false;             // a filter is in force
  bool locks_memory = false;        // CAP_IPC_LOCK: memlock does not count
  std::uint64_t memlock_bytes = 0;  // RLIMIT_MEMLOCK, soft
};

struct Refusal {
  std::string why;     // "io_uring_setup says EPERM: a seccomp filter is in force, ..."
  std::string advice;  // "allow ... in the seccomp profile"
};

[[nodiscard]] Surroundings read_surroundings();

// `call` is the system call that failed, `error` its errno.
[[nodiscard]] Refusal explain_refusal(std::string_view call, int error,
                                      const Surroundings& surroundings);

// "EPERM", or "errno 200".
[[nodiscard]] std::string errno_name(int error);

// "8 MiB", "unlimited".
[[nodiscard]] std::string limit_text(std::uint64_t bytes);

}  // namespace ouro::os::trial
