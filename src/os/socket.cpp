#include "os/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

namespace ouro::os {
namespace {

void set_option(int fd, int level, int option, int value) noexcept {
  // Advisory options only: what the system refuses is not worth failing for.
  ::setsockopt(fd, level, option, &value, sizeof value);
}

Fd make_socket(const Address& address, Blocking blocking = Blocking::kNo) noexcept {
  const int family = address.raw()->sa_family;
  const int nonblock = blocking == Blocking::kYes ? 0 : SOCK_NONBLOCK;
  return Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | nonblock, 0));
}

std::string cannot_listen(const Address& address) {
  return "cannot listen on " + address.to_string();
}

// What those that connect and those that are connected to have in common.
void set_connection_options(int fd, std::chrono::seconds keepalive_idle,
                            unsigned kernel_unsent_bytes) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);  // what was sent as urgent is a byte like any other
  if (keepalive_idle.count() > 0) {
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(keepalive_idle.count()));
  }
  if (kernel_unsent_bytes > 0) {
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(kernel_unsent_bytes));
  }
}

void set_tcp_options(int fd, const Address& address, const ListenOptions& options) noexcept {
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  set_connection_options(fd, options.keepalive_idle, options.kernel_unsent_bytes);
  if (address.family() == Address::Family::kIpv6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (options.user_timeout.count() > 0) {
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
  }
}

// 0, or the errno of binding to it.
int try_bind(const Address& address) noexcept {
  const Fd fd = make_socket(address);
  if (!fd.valid()) return errno;
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == Address::Family::kIpv6) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  return ::bind(fd.get(), address.raw(), address.raw_size()) == 0 ? 0 : errno;
}

// With SO_REUSEPORT a second instance would bind happily and take half the traffic. Binding once
// without it tells whether the address is free. The kernel takes a killed server's io_uring apart
// in the background, and its accepts hold the address until then: so a few tries.
Result<void> probe_address(const Address& address) {
  constexpr int kTries = 10;
  constexpr timespec kPause{0, 30'000'000};
  int error = try_bind(address);
  for (int i = 1; i < kTries && error == EADDRINUSE; ++i) {
    ::nanosleep(&kPause, nullptr);
    error = try_bind(address);
  }
  if (error != 0) return fail_errno(cannot_listen(address), error);
  return {};
}

// A Unix socket file outlives its server. It is replaced only if nobody answers on it.
Result<void> remove_stale_file(const Address& address) {
  struct stat status{};
  const std::string path = address.path();
  if (path.empty() || ::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Errc::kAddressInUse, cannot_listen(address) + ": the file is not a socket");
  }
  const Fd fd = make_socket(address);
  if (!fd.valid()) return fail_errno(cannot_listen(address), errno);
  const int result = ::connect(fd.get(), address.raw(), address.raw_size());
  if (result == 0 || errno != ECONNREFUSED) {
    return fail_errno(cannot_listen(address), EADDRINUSE);
  }
  ::unlink(path.c_str());
  return {};
}

int bind_to(int fd, const Address& address) noexcept {
  return ::bind(fd, address.raw(), address.raw_size()) == 0 ? 0 : errno;
}

// The next port of the range, in turn. One that is in use towards another server is good; towards
// this one, connecting will tell (EADDRNOTAVAIL). The kernel's own range for a socket is of no use:
// it ends where that of the machine ends.
int bind_within(int fd, const Address& source, const ConnectOptions& options) noexcept {
  static thread_local std::uint32_t turn = static_cast<std::uint32_t>(::getpid()) * 7919u;
  const std::uint32_t count = options.source_port_last - options.source_port_first + 1u;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  constexpr std::uint32_t kTriesMax = 64;
  for (std::uint32_t i = 0; i < std::min(count, kTriesMax); ++i) {
    const auto port = static_cast<std::uint16_t>(options.source_port_first + turn++ % count);
    const int error = bind_to(fd, source.with_port(port));
    if (error != EADDRINUSE) return error;
  }
  return EADDRNOTAVAIL;
}

// 0, or an errno.
int bind_source(int fd, const Address& to, const ConnectOptions& options) noexcept {
  const bool ranged = options.source_port_first != 0;
  Address source = options.source;
  if (source.family() == Address::Family::kNone) {
    if (!ranged) return 0;
    const bool ipv6 = to.family() == Address::Family::kIpv6;
    source = *Address::parse(ipv6 ? "[::]:0" : "0.0.0.0:0");
  }
  if (ranged) return bind_within(fd, source, options);
  // The port is chosen when it connects: then one port serves connections to different servers.
  set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind_to(fd, source);
}

Result<void> prepare(int fd, const Address& address, const ListenOptions& options) {
  if (address.is_unix()) return remove_stale_file(address);
  if (options.probe && address.port() != 0) {
    if (auto free = probe_address(address); !free) return free;
  }
  set_tcp_options(fd, address, options);
  if (options.reuse_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  return {};
}

}  // namespace

Result<Fd> listen_socket(const Address& address, const ListenOptions& options) {
  Fd fd = make_socket(address);
  if (!fd.valid()) return fail_errno(cannot_listen(address), errno);
  if (auto ready = prepare(fd.get(), address, options); !ready) {
    return std::unexpected(ready.error());
  }
  if (::bind(fd.get(), address.raw(), address.raw_size()) != 0) {
    return fail_errno(cannot_listen(address), errno);
  }
  if (address.is_unix() && !address.path().empty() &&
      ::chmod(address.path().c_str(), options.unix_mode) != 0) {
    return fail_errno(cannot_listen(address), errno);
  }
  if (::listen(fd.get(), options.backlog) != 0) return fail_errno(cannot_listen(address), errno);
  return fd;
}

Result<Fd> connect_socket(const Address& address, const ConnectOptions& options,
                          Blocking blocking) {
  Fd fd = make_socket(address, blocking);
  if (!fd.valid()) return fail_errno("cannot connect to " + address.to_string(), errno);
  if (address.is_unix()) return fd;
  set_connection_options(fd.get(), options.keepalive_idle, options.kernel_unsent_bytes);
  if (const int error = bind_source(fd.get(), address, options); error != 0) {
    return fail_errno("cannot connect from " + options.source.to_string(), error);
  }
  return fd;
}

void set_backlog(int listening_fd, int backlog) noexcept { ::listen(listening_fd, backlog); }

Address local_address(int fd) noexcept {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  return Address::from_raw(reinterpret_cast<sockaddr*>(&raw), size);
}

std::uint64_t socket_cookie(int fd) noexcept {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  (void)::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
  return cookie;
}

Address peer_address(int fd) noexcept {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  return Address::from_raw(reinterpret_cast<sockaddr*>(&raw), size);
}

int accept_now(int listening_fd, Blocking blocking) noexcept {
  const int flags = SOCK_CLOEXEC | (blocking == Blocking::kYes ? 0 : SOCK_NONBLOCK);
  const int fd = ::accept4(listening_fd, nullptr, nullptr, flags);
  return fd >= 0 ? fd : -errno;
}

int connect_now(int fd, const Address& address) noexcept {
  return ::connect(fd, address.raw(), address.raw_size()) == 0 ? 0 : -errno;
}

int receive_now(int fd, std::span<std::byte> into, OperationVariant variant) noexcept {
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t count = -1;
  switch (variant) {
    case OperationVariant::kRecv:
      count = ::recv(fd, into.data(), into.size(), 0);
      break;
    case OperationVariant::kRead:
      count = ::read(fd, into.data(), into.size());
      break;
    case OperationVariant::kRecvmsg:
      count = ::recvmsg(fd, &message, 0);
      break;
    case OperationVariant::kReadv:
      count = ::readv(fd, &part, 1);
      break;
  }
  return count >= 0 ? static_cast<int>(count) : -errno;
}

int send_now(int fd, std::span<const iovec> parts, OperationVariant variant) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  ssize_t count = -1;
  if (variant == OperationVariant::kRead && parts.size() == 1) {
    count = ::write(fd, parts[0].iov_base, parts[0].iov_len);
  } else if (variant == OperationVariant::kReadv || variant == OperationVariant::kRead) {
    count = ::writev(fd, parts.data(), static_cast<int>(parts.size()));
  } else if (variant == OperationVariant::kRecv && parts.size() == 1) {
    count = ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
  } else {
    count = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }
  return count >= 0 ? static_cast<int>(count) : -errno;
}

void shutdown_write(int fd) noexcept { ::shutdown(fd, SHUT_WR); }

void reset_on_close(int fd) noexcept {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void close_now(int fd) noexcept { ::close(fd); }

void set_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void set_blocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) != 0) ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

bool is_unix(int fd) noexcept {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

int pending_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

std::size_t open_files_max() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

std::size_t locked_memory_max() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 ? limit.rlim_cur : 0;
}

std::size_t unread_bytes(int fd) noexcept {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::size_t unacknowledged_bytes(int fd) noexcept {
  std::uint8_t state = 0;  // the first byte of a tcp_info
  socklen_t size = sizeof state;
  const bool is_tcp = ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &size) == 0;
  if (is_tcp && state == TCP_CLOSE) return 0;  // once it is reset, the count stays as it was
  int count = 0;
  return ::ioctl(fd, TIOCOUTQ, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace ouro::os
