#include "os/features_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "os/fd.h"

namespace ouro::os::trial {

std::string read_small_file(const char* path) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  std::array<char, 4096> text;
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size <= 0) return {};
  std::string_view whole(text.data(), static_cast<std::size_t>(size));
  if (whole.back() == '\n') whole.remove_suffix(1);
  return std::string(whole);
}

std::int64_t read_number(const char* path, std::int64_t otherwise) {
  const std::string text = read_small_file(path);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? number : otherwise;
}

std::string_view field_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") continue;
    const std::size_t value = line.find_first_not_of(" \t", name.size() + 1);
    return value == std::string_view::npos ? std::string_view{} : line.substr(value);
  }
  return {};
}

}  // namespace ouro::os::trial
