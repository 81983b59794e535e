// Reads the kernel's small text files. Part of the feature trials.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ouro::os::trial {

// The first 4 KiB of it without the final newline; empty when it cannot be read.
[[nodiscard]] std::string read_small_file(const char* path);
// The number in it, or `otherwise`.
[[nodiscard]] std::int64_t read_number(const char* path, std::int64_t otherwise);
// What follows "name:" and blanks on a line of `text`, as in /proc/self/status; empty if none.
[[nodiscard]] std::string_view field_of(std::string_view text, std::string_view name);

}  // namespace ouro::os::trial
