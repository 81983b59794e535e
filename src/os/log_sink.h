// Where log lines go: stderr, written so that no process ever waits for whoever reads it.
#pragma once

#include <string_view>

namespace ouro::os {

// A log::Sink. A pipe or socket that is full, a terminal that is held: false, at once. Only a
// regular file may take the time a write takes.
bool write_log_line(std::string_view line) noexcept;

}  // namespace ouro::os
