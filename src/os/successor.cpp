#include "os/successor.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "os/read_file.h"

extern char** environ;

namespace ouro::os {
namespace {

constexpr const char* kVariable = "OURO_INHERITANCE";  // "fd,fd,;text"

// Where the program is. If another has been put in its place, the kernel still names this one.
std::string program_path() {
  constexpr std::string_view kGone = " (deleted)";
  std::array<char, 4096> text{};
  const ssize_t size = ::readlink("/proc/self/exe", text.data(), text.size());
  std::string path(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  return path;
}

std::vector<std::string> own_arguments() {
  std::vector<std::string> arguments;
  const std::string all = read_file("/proc/self/cmdline").value_or("");
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    arguments.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return arguments;
}

std::vector<std::string> environment_with(const std::string& text, const std::vector<int>& fds) {
  std::vector<std::string> environment;
  for (char** one = environ; *one != nullptr; ++one) environment.emplace_back(*one);
  std::string legacy = std::string(kVariable) + '=';
  for (const int fd : fds) legacy += std::to_string(fd) + ',';
  environment.push_back(legacy + ';' + text);
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the child.
[[noreturn]] void become(const char* path, char** arguments, char** environment,
                         const std::vector<int>& fds) noexcept {
  for (const int fd : fds) ::fcntl(fd, F_SETFD, 0);
  forget_signals();
  ::execve(path, arguments, environment);
  ::_exit(127);
}

}  // namespace

Result<ProcessId> start_successor(const std::string& text, const std::vector<int>& fds) {
  const std::string path = program_path();
  std::vector<std::string> arguments = own_arguments();
  std::vector<std::string> environment = environment_with(text, fds);
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  if (::access(path.c_str(), X_OK) != 0) return fail_errno("cannot start " + path, errno);
  const auto child = fork_process();
  if (!child || *child != 0) return child;
  become(path.c_str(), const_cast<char**>(argument_pointers.data()),
         const_cast<char**>(environment_pointers.data()), fds);
}

std::optional<Inheritance> take_inheritance() {
  const char* value = std::getenv(kVariable);
  if (value == nullptr) return std::nullopt;
  const std::string all = value;
  ::unsetenv(kVariable);
  const std::size_t middle = all.find(';');
  if (middle == std::string::npos) return std::nullopt;
  Inheritance inheritance;
  const char* at = all.data();
  while (at < all.data() + middle) {
    int fd = -1;
    const auto [stop, error] = std::from_chars(at, all.data() + middle, fd);
    if (error != std::errc{} || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
    inheritance.fds.emplace_back(fd);
    at = stop + 1;
  }
  inheritance.text = all.substr(middle + 1);
  return inheritance;
}

}  // namespace ouro::os
