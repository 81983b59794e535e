// Pipes, and one byte through them as a sign.
#pragma once

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

}  // namespace ouro::os
