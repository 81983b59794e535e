#include "os/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "base/sanitized.h"
#include "os/landlock.h"
#include "os/pipe.h"
#include "os/process.h"
#include "os/seccomp.h"

namespace ouro::os {
namespace {

SandboxLayer standing(const char* name, std::string forbids) {
  return {name, true, std::move(forbids)};
}

SandboxLayer missing(const char* name, std::string why) { return {name, false, std::move(why)}; }

SandboxLayer drop_capabilities() {
  constexpr const char* kName = "no_capabilities";
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) {
    return missing(kName, fail_errno("capset", errno).error().what);
  }
  return standing(kName, "all that root may do beyond others");
}

SandboxLayer forbid_gaining() {
  constexpr const char* kName = "no_new_privileges";
  if (!forbid_new_privileges()) return missing(kName, fail_errno("prctl", errno).error().what);
  return standing(kName, "rights gained by running a program");
}

// What a sanitizer says at the end it finds out with calls that these two forbid.
SandboxLayer put_up_landlock(bool connects) {
  constexpr const char* kName = "landlock";
  if (kSanitized) return missing(kName, "not in a build with sanitizers");
  const auto version = forbid_files_ports_signals(connects);
  if (!version) return missing(kName, version.error().what);
  std::string forbids = "files";
  if (*version >= 4 && !connects) forbids += ", TCP ports";
  if (*version >= 6) forbids += ", signals to others";
  return standing(kName, forbids + " (version " + std::to_string(*version) + ")");
}

SandboxLayer put_up_seccomp(const SandboxProfile& profile) {
  constexpr const char* kName = "seccomp";
  if (kSanitized) return missing(kName, "not in a build with sanitizers");
  if (auto done = forbid_system_calls(profile.uring, profile.connects, profile.splices); !done)
    return missing(kName, done.error().what);
  return standing(kName, "system calls that serving does not take");
}

// One line for each layer, for the other end of a pipe.
std::string as_lines(const std::vector<SandboxLayer>& layers) {
  std::string lines;
  for (const SandboxLayer& layer : layers) {
    lines += layer.name + '\t' + (layer.in_force ? '1' : '0') + '\t' + layer.why + '\n';
  }
  return lines;
}

std::vector<SandboxLayer> from_lines(const std::string& lines) {
  std::vector<SandboxLayer> layers;
  std::istringstream in(lines);
  std::string name;
  std::string in_force;
  std::string why;
  while (std::getline(in, name, '\t') && std::getline(in, in_force, '\t') &&
         std::getline(in, why)) {
    layers.push_back({name, in_force == "1", why});
  }
  return layers;
}

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 1024> piece{};
  ssize_t count = 0;
  while ((count = ::read(fd, piece.data(), piece.size())) > 0 || (count < 0 && errno == EINTR)) {
    if (count > 0) all.append(piece.data(), static_cast<std::size_t>(count));
  }
  return all;
}

}  // namespace

void forget_capabilities() noexcept {
  for (unsigned long each = 0; ::prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; ++each) {
    ::prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

// In this order: each takes away what those before it needed.
std::vector<SandboxLayer> enter_sandbox(const SandboxProfile& profile) {
  std::vector<SandboxLayer> layers;
  layers.push_back(drop_capabilities());
  layers.push_back(forbid_gaining());
  layers.push_back(put_up_landlock(profile.connects));
  layers.push_back(put_up_seccomp(profile));
  return layers;
}

Result<std::vector<SandboxLayer>> try_sandbox() {
  auto pipe = make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  const auto child = fork_process();
  if (!child) return std::unexpected(child.error());
  if (*child == 0) {
    const std::string lines = as_lines(enter_sandbox({}));
    [[maybe_unused]] const ssize_t written =
        ::write(pipe->writing.get(), lines.data(), lines.size());
    exit_now(0);
  }
  pipe->writing.reset();
  auto layers = from_lines(read_to_end(pipe->reading.get()));
  reap(*child);
  return layers;
}

}  // namespace ouro::os
