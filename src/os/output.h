// Writing lines so that no process ever waits for whoever reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "os/fd.h"
#include "ouro/error.h"

namespace ouro::os {

// kFile may take the time a write takes; the others are full, or not.
enum class OutputKind : std::uint8_t { kFile, kPipe, kSocket, kOther };

// What it is. A sandbox may forbid to ask.
[[nodiscard]] OutputKind output_kind(int fd) noexcept;

[[nodiscard]] OutputKind output_kind_of_stdout() noexcept;

// How much was written, and why no more: 0, EAGAIN when it is full, or another errno.
struct Written {
  std::size_t bytes = 0;
  int system_errno = 0;
  [[nodiscard]] bool is_full() const noexcept;
};
// At once, or not. It does not ask for O_NONBLOCK, which is a property of an open file that
// others share: the terminal of a shell, the log collector.
[[nodiscard]] Written write_now(int fd, OutputKind kind, std::string_view bytes) noexcept;

// Lines that a pipe or a terminal is given together arrive whole up to this many bytes.
inline constexpr std::size_t kWholeBytes = 4096;

// A file of one's own to append to, made if need be; whatever it is, it may be written to as kFile.
[[nodiscard]] Result<Fd> open_for_appending(const std::string& path);
// Another descriptor of stdout.
[[nodiscard]] Result<Fd> copy_of_stdout();

}  // namespace ouro::os
