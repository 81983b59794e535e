#include "os/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ouro::os {

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("cannot make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

void write_byte(int fd) noexcept { [[maybe_unused]] const ssize_t done = ::write(fd, "", 1); }

bool read_byte(int fd) noexcept {
  char byte = 0;
  ssize_t size = -1;
  do {
    size = ::read(fd, &byte, 1);
  } while (size < 0 && errno == EINTR);
  return size == 1;
}

}  // namespace ouro::os
