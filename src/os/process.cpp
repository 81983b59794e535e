#include "os/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

namespace ouro::os {
namespace {

sigset_t master_signals() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) {
    ::sigaddset(&set, signal);
  }
  return set;
}

Signal meaning_of(std::uint32_t number) noexcept {
  switch (number) {
    case SIGCHLD:
      return Signal::kChildChanged;
    case SIGHUP:
      return Signal::kReload;
    case SIGUSR1:
      return Signal::kReopen;
    case SIGUSR2:
      return Signal::kUpgrade;
    default:
      return Signal::kTerminate;
  }
}

bool has_capability(unsigned which) noexcept {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, has) != 0) return false;
  return (has[which / 32].effective >> which % 32 & 1) != 0;
}

std::atomic<unsigned> seconds_after_parent{0};

extern "C" void parent_died(int) {
  // The default action of SIGALRM ends the process.
  ::alarm(seconds_after_parent.load(std::memory_order_relaxed));
}

}  // namespace

ProcessId own_process_id() noexcept { return ::getpid(); }

Result<ProcessId> fork_process() {
  const pid_t id = ::fork();
  if (id < 0) return fail_errno("cannot start a process", errno);
  return id;
}

void exit_now(int code) noexcept { ::_exit(code); }

void kill_process(ProcessId id) noexcept { ::kill(id, SIGKILL); }

void set_process_name(std::string_view name) noexcept {
  std::array<char, 16> text{};
  name.substr(0, text.size() - 1).copy(text.data(), text.size() - 1);
  ::prctl(PR_SET_NAME, text.data());
}

std::optional<Ending> ending_of(ProcessId child) noexcept {
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(child, &status, WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended != child) return std::nullopt;
  if (WIFSIGNALED(status)) return Ending{0, WTERMSIG(status)};
  return Ending{WEXITSTATUS(status), 0};
}

void reap(ProcessId child) noexcept {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<SignalReader> SignalReader::create() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a log that may not grow any more costs lines
  // A parent that ignores SIGCHLD would have ours reaped unseen.
  ::signal(SIGCHLD, SIG_DFL);
  const sigset_t set = master_signals();
  SignalReader reader;
  reader.fd_ = Fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!reader.fd_.valid()) return fail_errno("cannot receive signals", errno);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return reader;
}

std::vector<Signal> SignalReader::read() noexcept {
  std::vector<Signal> signals;
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
    signals.push_back(meaning_of(info.ssi_signo));
  }
  return signals;
}

void ignore_signals() noexcept {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) {
    ::signal(signal, SIG_IGN);
  }
  ::signal(SIGCHLD, SIG_DFL);
  const sigset_t set = master_signals();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

void forget_signals() noexcept {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void end_after_parent(std::chrono::seconds limit) noexcept {
  seconds_after_parent.store(static_cast<unsigned>(limit.count()), std::memory_order_relaxed);
  struct sigaction action{};
  action.sa_handler = parent_died;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGUSR1);
}

std::optional<User> find_user(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): at start
  if (entry == nullptr) return std::nullopt;
  return User{entry->pw_uid, entry->pw_gid};
}

std::optional<std::string> default_user() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"ouro", "nobody"}) {
    if (find_user(name)) return name;
  }
  return std::nullopt;
}

Result<void> become(const User& user) {
  const bool is_already = ::geteuid() == user.user_id && ::getegid() == user.group_id;
  if (is_already && ::getuid() == user.user_id) return {};
  // Root has it by default; in containers it may be taken away.
  if (::geteuid() == 0 && !has_capability(CAP_KILL)) {
    return fail(
        Errc::kPermission,
        "cannot become another user: without CAP_KILL the master could not end its workers");
  }
  const bool became = ::setgroups(0, nullptr) == 0 &&
                      ::setresgid(user.group_id, user.group_id, user.group_id) == 0 &&
                      ::setresuid(user.user_id, user.user_id, user.user_id) == 0;
  if (!became) return fail_errno("cannot become another user (--user needs root)", errno);
  return {};
}

bool forbid_new_privileges() noexcept { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

std::size_t raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  return limit.rlim_cur;
}

std::vector<bool> wait_readable(std::span<const int> fds, std::chrono::milliseconds limit) {
  std::vector<pollfd> entries;
  entries.reserve(fds.size());
  for (const int fd : fds) entries.push_back({fd, POLLIN, 0});
  const int count = ::poll(entries.data(), entries.size(), static_cast<int>(limit.count()));
  std::vector<bool> readable(fds.size(), false);
  for (std::size_t i = 0; count > 0 && i < entries.size(); ++i) {
    readable[i] = entries[i].revents != 0;
  }
  return readable;
}

void fill_standard_files() noexcept {
  for (int fd = 0; fd <= 2; ++fd) {
    // The lowest that is free is taken: this one.
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDWR);
  }
}

void remove_file(const std::string& path) noexcept { ::unlink(path.c_str()); }

}  // namespace ouro::os
