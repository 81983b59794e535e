#include "os/spawn.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "os/cpu.h"
#include "os/pipe.h"

namespace ouro::os {
namespace {

// What the child needs, made before the fork: after it nothing may be allocated.
struct Prepared {
  const char* path = nullptr;
  std::vector<char*> arguments;  // ends with a null pointer
  std::optional<unsigned> cpu;
  ProcessId parent = 0;
  int null_fd = -1;
  int error_fd = -1;
  int report_fd = -1;  // takes an errno; closed by a successful exec
};

[[noreturn]] void become_program(Prepared& prepared) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != prepared.parent) ::_exit(127);  // it died before it was watched
  forget_signals();
  const bool ready = ::dup2(prepared.null_fd, 0) == 0 && ::dup2(prepared.null_fd, 1) == 1 &&
                     ::dup2(prepared.error_fd, 2) == 2;
  if (ready && prepared.cpu) pin_to_cpu(*prepared.cpu);
  if (ready) ::execvp(prepared.path, prepared.arguments.data());
  const int why = errno;
  [[maybe_unused]] const ssize_t written = ::write(prepared.report_fd, &why, sizeof why);
  ::_exit(127);
}

// The errno of an exec that failed; 0 once the program runs.
int exec_error(int report_fd) noexcept {
  int why = 0;
  ssize_t size = -1;
  do {
    size = ::read(report_fd, &why, sizeof why);
  } while (size < 0 && errno == EINTR);
  return size == sizeof why ? why : 0;
}

// It may have left its group.
void signal_group(ProcessId leader, int signal) noexcept {
  if (::kill(-leader, signal) != 0) ::kill(leader, signal);
}

}  // namespace

Result<ProcessId> spawn(const Program& program) {
  std::vector<std::string> words = program.arguments;
  Prepared prepared;
  for (std::string& word : words) prepared.arguments.push_back(word.data());
  prepared.arguments.push_back(nullptr);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const Fd error(
      ::open(program.error_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!error.valid()) return fail_errno("cannot write " + program.error_file, errno);
  if (!null.valid()) return fail_errno("cannot start " + program.path, errno);
  auto report = make_pipe();
  if (!report) return std::unexpected(report.error());
  prepared.path = program.path.c_str();
  prepared.cpu = program.cpu;
  prepared.parent = ::getpid();
  prepared.null_fd = null.get();
  prepared.error_fd = error.get();
  prepared.report_fd = report->writing.get();
  const auto child = fork_process();
  if (!child) return child;
  if (*child == 0) become_program(prepared);
  ::setpgid(*child, *child);  // here too: whoever comes first
  report->writing.reset();
  const int why = exec_error(report->reading.get());
  if (why == 0) return child;
  reap(*child);
  return fail_errno("cannot start " + program.path, why);
}

void terminate_group(ProcessId leader) noexcept { signal_group(leader, SIGTERM); }

void kill_group(ProcessId leader) noexcept { signal_group(leader, SIGKILL); }

void adopt_orphans() noexcept { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

void end_orphans() noexcept {
  constexpr int kGenerations = 100;
  const std::string path = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
  for (int i = 0; i < kGenerations; ++i) {
    std::ifstream children(path);
    ProcessId child = 0;
    bool any = false;
    for (; children >> child; any = true) {
      ::kill(child, SIGKILL);
      reap(child);
    }
    if (!any) return;
  }
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

}  // namespace ouro::os
