#include "os/log_sink.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace ouro::os {
namespace {

enum class Target { kFile, kPipe, kSocket, kOther };

Target stderr_is = Target::kOther;

Target find_target() noexcept {
  struct stat status{};
  if (::fstat(STDERR_FILENO, &status) != 0) return Target::kOther;
  if (S_ISREG(status.st_mode)) return Target::kFile;
  if (S_ISFIFO(status.st_mode)) return Target::kPipe;
  if (S_ISSOCK(status.st_mode)) return Target::kSocket;
  return Target::kOther;
}

bool has_room() noexcept {
  pollfd entry{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0;
}

ssize_t plain_write(std::string_view line) noexcept {
  return ::write(STDERR_FILENO, line.data(), line.size());
}

ssize_t write_if_room(std::string_view line) noexcept {
  return has_room() ? plain_write(line) : -1;
}

// O_NONBLOCK is a property of the pipe's open file, which others share: the terminal of a shell,
// the log collector. So it is asked per write.
ssize_t write_pipe(std::string_view line) noexcept {
  const iovec part{const_cast<char*>(line.data()), line.size()};
  const ssize_t count = ::pwritev2(STDERR_FILENO, &part, 1, -1, RWF_NOWAIT);
  return count < 0 && errno == EOPNOTSUPP ? write_if_room(line) : count;
}

ssize_t write_to(Target target, std::string_view line) noexcept {
  switch (target) {
    case Target::kFile:
      return plain_write(line);
    case Target::kPipe:
      return write_pipe(line);
    case Target::kSocket:
      return ::send(STDERR_FILENO, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Target::kOther:
      return write_if_room(line);
  }
  return -1;
}

bool write_log_line(std::string_view line) noexcept {
  const int saved_errno = errno;
  const ssize_t count = write_to(stderr_is, line);
  errno = saved_errno;
  return count == static_cast<ssize_t>(line.size());
}

}  // namespace

log::Sink log_sink() noexcept {
  stderr_is = find_target();
  return write_log_line;
}

}  // namespace ouro::os
