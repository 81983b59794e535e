// refuse_uring [--errno EPERM|ENOSYS] COMMAND...: runs the command where io_uring is refused, as in
// a container.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "seccomp_refuse.h"

namespace {

constexpr int kCannotRun = 127;

int usage() {
  std::fputs("usage: refuse_uring [--errno EPERM|ENOSYS] COMMAND...\n", stderr);
  return 2;
}

int failed(const char* what) {
  std::fprintf(stderr, "refuse_uring: %s: %s\n", what, std::strerror(errno));
  return kCannotRun;
}

}  // namespace

int main(int argc, char** argv) {
  int error = EPERM;
  char** command = argv + 1;
  if (argc > 2 && std::string_view(argv[1]) == "--errno") {
    const std::string_view name = argv[2];
    if (name != "EPERM" && name != "ENOSYS") return usage();
    error = name == "EPERM" ? EPERM : ENOSYS;
    command = argv + 3;
  }
  if (command[0] == nullptr) return usage();
  if (!ouro::test::refuse_io_uring(error)) return failed("no seccomp filter");
  ::execvp(command[0], command);
  return failed(command[0]);
}
