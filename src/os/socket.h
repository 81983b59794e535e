// Sockets: making them, asking about them, and the plain non-blocking calls of the epoll engine.
// Every socket made here is close-on-exec, and non-blocking if nothing else is asked for.
#pragma once

#include <sys/uio.h>  // IWYU pragma: export

#include <cstddef>
#include <cstdint>
#include <span>

#include "os/fd.h"
#include "ouro/address.h"
#include "ouro/error.h"
#include "ouro/options.h"

namespace ouro::os {

enum class Blocking : bool { kNo, kYes };

// Bound and listening. Options meant for connections (no delay, keepalive) are set here and
// inherited. A stale Unix socket file is replaced, a live one refused.
[[nodiscard]] Result<Fd> listen_socket(const Address& address, const ListenOptions& options);
// For connecting to `address`, bound if a source is given; unconnected.
[[nodiscard]] Result<Fd> connect_socket(const Address& address, const ConnectOptions& options = {},
                                        Blocking blocking = Blocking::kNo);

// Of a socket that listens already.
void set_backlog(int listening_fd, int backlog) noexcept;

[[nodiscard]] Address local_address(int fd) noexcept;
[[nodiscard]] Address peer_address(int fd) noexcept;
// The same for every descriptor of one socket, and no other socket's.
[[nodiscard]] std::uint64_t socket_cookie(int fd) noexcept;

// Calls that give a count, a new descriptor, or -errno, and never wait.
[[nodiscard]] int accept_now(int listening_fd, Blocking blocking) noexcept;
[[nodiscard]] int connect_now(int fd, const Address& address) noexcept;
[[nodiscard]] int receive_now(int fd, std::span<std::byte> into, OperationVariant variant) noexcept;
[[nodiscard]] int send_now(int fd, std::span<const iovec> parts, OperationVariant variant) noexcept;

// FIN; what is queued in the kernel still leaves.
void shutdown_write(int fd) noexcept;
// The next close sends RST and throws away what is queued.
void reset_on_close(int fd) noexcept;
void close_now(int fd) noexcept;
void set_nonblocking(int fd) noexcept;
void set_blocking(int fd) noexcept;
[[nodiscard]] bool is_unix(int fd) noexcept;
// errno of the connection attempt, 0 when it succeeded.
[[nodiscard]] int pending_error(int fd) noexcept;
// The soft limits of this process.
[[nodiscard]] std::size_t open_files_max() noexcept;
[[nodiscard]] std::size_t locked_memory_max() noexcept;
// Bytes that arrived and were not received yet.
[[nodiscard]] std::size_t unread_bytes(int fd) noexcept;
// Bytes that were sent and that the other side has not confirmed.
[[nodiscard]] std::size_t unacknowledged_bytes(int fd) noexcept;

}  // namespace ouro::os
