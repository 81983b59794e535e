// Pipes: one byte through them as a sign, or all that passes from one socket to another without
// coming to memory of this process.
#pragma once

#include <cstddef>

#include "os/fd.h"
#include "ouro/error.h"

namespace ouro::os {

// Closed in whatever is started, unless it is given to it.
struct Pipe {
  Fd reading;
  Fd writing;
};
[[nodiscard]] Result<Pipe> make_pipe();

// One byte; whoever waits at the other end reads it.
void write_byte(int fd) noexcept;
// Whether a byte is there; false when the other end was closed without one.
[[nodiscard]] bool read_byte(int fd) noexcept;

// A pipe that nobody waits at. Asks for room for so many bytes, and gets less where the system
// grants less: all users' pipes share a limit (/proc/sys/fs/pipe-user-pages-soft).
[[nodiscard]] Result<Pipe> make_splice_pipe(std::size_t bytes);
// Moves at most so many bytes, one of the two being a pipe. Gives a count, 0 at the end of what is
// read from, or -errno. Never waits, if the socket is non-blocking.
[[nodiscard]] int splice_now(int from, int to, std::size_t bytes) noexcept;

}  // namespace ouro::os
