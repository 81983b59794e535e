// Reads the kernel's text files.
#pragma once

#include <optional>
#include <string>

namespace ouro::os {

// All of it; nothing when it cannot be opened.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);

}  // namespace ouro::os
