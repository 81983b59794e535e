// Files that people write, such as configs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ouro/error.h"

namespace ouro::os {

struct TextFile {
  std::string text;
  std::uint64_t device = 0;  // with the inode: which file it is, whatever it is called
  std::uint64_t inode = 0;
};

// All of it. A file of more than `bytes_most` is refused.
[[nodiscard]] Result<TextFile> read_text_file(const std::string& path, std::size_t bytes_most);

// The files that are called like `pattern` (*, ?, [a-z]), sorted; none is no failure, but a folder
// that may not be looked into is.
[[nodiscard]] Result<std::vector<std::string>> files_like(const std::string& pattern);

// `path` as a pattern for itself alone.
[[nodiscard]] std::string as_pattern(const std::string& path);

}  // namespace ouro::os
