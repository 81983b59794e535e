// refuse_uring [--errno EPERM|ENOSYS | --landlock] COMMAND...: runs the command where io_uring is
// refused, as in a container, or where there is no Landlock.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "seccomp_refuse.h"

namespace {

constexpr int kCannotRun = 127;

int usage() {
  std::fputs("usage: refuse_uring [--errno EPERM|ENOSYS | --landlock] COMMAND...\n", stderr);
  return 2;
}

int failed(const char* what) {
  std::fprintf(stderr, "refuse_uring: %s: %s\n", what, std::strerror(errno));
  return kCannotRun;
}

}  // namespace

int main(int argc, char** argv) {
  int error = EPERM;
  bool landlock = false;
  char** command = argv + 1;
  if (argc > 2 && std::string_view(argv[1]) == "--errno") {
    const std::string_view name = argv[2];
    if (name != "EPERM" && name != "ENOSYS") return usage();
    error = name == "EPERM" ? EPERM : ENOSYS;
    command = argv + 3;
  } else if (argc > 1 && std::string_view(argv[1]) == "--landlock") {
    landlock = true;
    command = argv + 2;
  }
  if (command[0] == nullptr) return usage();
  const bool refused =
      landlock ? ouro::test::refuse_landlock(EOPNOTSUPP) : ouro::test::refuse_io_uring(error);
  if (!refused) return failed("no seccomp filter");
  ::execvp(command[0], command);
  return failed(command[0]);
}
