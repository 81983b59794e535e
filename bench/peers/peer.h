// What the echo servers in this folder share: the command line, the listening socket, the end.
//
//   NAME PORT      on 127.0.0.1; with 0 the kernel chooses
//
// One line on stdout says where it listens, and SIGTERM ends it with 0. It cannot start: one line
// on stderr and 1, or 2 for a wrong argument.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace peers {

// Not the full 64 KiB: on loopback a segment holds 65,483 bytes, and the 53 left over would cost as
// much as a segment of their own.
constexpr std::size_t kBufferSize = std::size_t{60} * 1024;

// Buffers of that size, the one used last given out first: it is still in the cache.
class Buffers {
 public:
  char* take() {
    if (free_.empty()) {
      owned_.push_back(std::make_unique_for_overwrite<char[]>(kBufferSize));
      return owned_.back().get();
    }
    char* buffer = free_.back();
    free_.pop_back();
    return buffer;
  }

  void give_back(char* buffer) { free_.push_back(buffer); }

 private:
  std::vector<std::unique_ptr<char[]>> owned_;
  std::vector<char*> free_;
};

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, std::strerror(errno));
  std::exit(1);
}

inline std::uint16_t port_of(int count, char** arguments) {
  const std::string_view word = count == 2 ? arguments[1] : "";
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  if (word.empty() || error != std::errc{} || end != word.data() + word.size()) {
    std::fprintf(stderr, "usage: %s PORT\n", program_invocation_short_name);
    std::exit(2);
  }
  return port;
}

// As many connections as this user may have.
inline void raise_file_limit() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

inline int listening_socket(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) fail("bind");
  if (listen(fd, 4096) != 0) fail("listen");
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("getsockname");
  std::printf("%s ready on 127.0.0.1:%d\n", program_invocation_short_name, ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

// The socket that the command line asks for, listening and blocking.
inline int start(int count, char** arguments) {
  const std::uint16_t port = port_of(count, arguments);
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  std::signal(SIGPIPE, SIG_IGN);  // writing to who has left is an error like others
  raise_file_limit();
  return listening_socket(port);
}

}  // namespace peers
