#include "os/read_file.h"

#include <fstream>
#include <iterator>

namespace ouro::os {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ouro::os
