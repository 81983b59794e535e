#include "os/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace ouro::os {
namespace {

// What a process without rights may have.
constexpr std::size_t kPipeBytesMost = std::size_t{1} << 20;

Result<Pipe> make_pipe_with(int flags) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), flags) != 0) return fail_errno("cannot make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

Result<Pipe> make_pipe() { return make_pipe_with(O_CLOEXEC); }

void write_byte(int fd) noexcept { [[maybe_unused]] const ssize_t done = ::write(fd, "", 1); }

bool read_byte(int fd) noexcept {
  char byte = 0;
  ssize_t size = -1;
  do {
    size = ::read(fd, &byte, 1);
  } while (size < 0 && errno == EINTR);
  return size == 1;
}

Result<Pipe> make_splice_pipe(std::size_t bytes) {
  auto pipe = make_pipe_with(O_CLOEXEC | O_NONBLOCK);
  if (pipe) {
    const auto size = static_cast<int>(std::min(bytes, kPipeBytesMost));
    ::fcntl(pipe->writing.get(), F_SETPIPE_SZ, size);
  }
  return pipe;
}

int splice_now(int from, int to, std::size_t bytes) noexcept {
  ssize_t count = 0;
  do {
    count = ::splice(from, nullptr, to, nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : static_cast<int>(count);
}

}  // namespace ouro::os
