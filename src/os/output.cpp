#include "os/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace ouro::os {
namespace {

constexpr mode_t kFileMode = 0640;

bool has_room(int fd) noexcept {
  pollfd entry{fd, POLLOUT, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0;
}

ssize_t write_if_room(int fd, std::string_view bytes) noexcept {
  if (has_room(fd)) return ::write(fd, bytes.data(), bytes.size());
  errno = EAGAIN;
  return -1;
}

ssize_t write_pipe(int fd, std::string_view bytes) noexcept {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  const ssize_t count = ::pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
  return count < 0 && errno == EOPNOTSUPP ? write_if_room(fd, bytes) : count;
}

ssize_t write_as(int fd, OutputKind kind, std::string_view bytes) noexcept {
  switch (kind) {
    case OutputKind::kFile:
      return ::write(fd, bytes.data(), bytes.size());
    case OutputKind::kPipe:
      return write_pipe(fd, bytes);
    case OutputKind::kSocket:
      return ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case OutputKind::kOther:
      return write_if_room(fd, bytes);
  }
  return -1;
}

}  // namespace

bool Written::is_full() const noexcept {
  return system_errno == EAGAIN || system_errno == EINTR || system_errno == ENOBUFS;
}

OutputKind output_kind(int fd) noexcept {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return OutputKind::kOther;
  if (S_ISREG(status.st_mode)) return OutputKind::kFile;
  if (S_ISFIFO(status.st_mode)) return OutputKind::kPipe;
  if (S_ISSOCK(status.st_mode)) return OutputKind::kSocket;
  return OutputKind::kOther;
}

OutputKind output_kind_of_stdout() noexcept { return output_kind(STDOUT_FILENO); }

Written write_now(int fd, OutputKind kind, std::string_view bytes) noexcept {
  const int saved_errno = errno;
  const ssize_t count = write_as(fd, kind, bytes);
  const Written written =
      count < 0 ? Written{0, errno} : Written{static_cast<std::size_t>(count), 0};
  errno = saved_errno;
  return written;
}

// O_NONBLOCK, as it may be a pipe or a terminal: nobody else has this open file.
Result<Fd> open_for_appending(const std::string& path) {
  constexpr int kHow = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Fd file(::open(path.c_str(), kHow, kFileMode));
  if (!file.valid()) return fail_errno("cannot open " + path, errno);
  return file;
}

Result<Fd> copy_of_stdout() {
  Fd copy(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return fail_errno("cannot use stdout", errno);
  return copy;
}

}  // namespace ouro::os
