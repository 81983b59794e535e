#include "child_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <new>
#include <string>

#include "worker_thread.h"

namespace ouro::test {
namespace {

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

rlim_t descriptors_max() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// The soft limit only, so that it can be lifted again.
void set_descriptors_max(rlim_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = count;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) std::abort();
}

Counters* make_shared_counters() {
  void* memory =
      mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw ClientError("no shared memory");
  return new (memory) Counters;
}

}  // namespace

int run_in_child(const std::function<int()>& work) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw ClientError("cannot fork");
  if (child == 0) {
    alarm(static_cast<unsigned>(kCeiling.count()));
    _exit(work());  // no destructors of the parent's tests
  }
  int status = 0;
  waitpid(child, &status, 0);
  return exit_code_of(status);
}

unsigned open_descriptors() {
  unsigned count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(directory);
  return count - 1;  // the directory itself
}

// The limit is on numbers: below it exactly `spare` are to be free, whatever we inherited.
void limit_descriptors(unsigned spare) {
  const auto is_open = [](unsigned number) {
    return fcntl(static_cast<int>(number), F_GETFD) >= 0;
  };
  unsigned limit = 0;
  for (unsigned free = 0; free < spare || is_open(limit); ++limit) {
    if (!is_open(limit)) ++free;
  }
  set_descriptors_max(limit);
}

FewDescriptors::FewDescriptors(unsigned spare) : before_(descriptors_max()) {
  limit_descriptors(spare);
}

FewDescriptors::~FewDescriptors() { set_descriptors_max(before_); }

ServerProcess::ServerProcess(const Setup& setup) : counters_(make_shared_counters()) {
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), 0) != 0) throw ClientError("cannot make a pipe");
  std::fflush(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    ::close(pipe[0]);
    serve(setup, pipe[1]);
  }
  ::close(pipe[1]);
  std::array<char, 128> text{};
  const ssize_t size = ::read(pipe[0], text.data(), text.size());
  ::close(pipe[0]);
  if (size <= 0) throw ClientError("the server process did not become ready");
  address_ = Address::parse({text.data(), static_cast<std::size_t>(size)}).value();
}

void ServerProcess::serve(const Setup& setup, int ready_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves nothing behind
  setup.prepare();
  WorkerOptions options = setup.options;
  options.counters = counters_;
  CheckedHandler handler;
  auto worker = Worker::create(options);
  if (!worker) _exit(1);
  auto listener = (*worker)->listen(loopback(), handler);
  if (!listener) _exit(1);
  const std::string address = (*worker)->address_of(*listener).to_string();
  if (::write(ready_fd, address.data(), address.size()) < 0) _exit(1);
  ::close(ready_fd);
  setup.limit();
  (*worker)->run();
  _exit(0);
}

ServerProcess::~ServerProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  munmap(counters_, sizeof(Counters));
}

}  // namespace ouro::test
