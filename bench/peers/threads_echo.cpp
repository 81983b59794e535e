// A TCP echo without any library: a thread per connection that waits in recv and send.
//
//   threads_echo PORT
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <system_error>
#include <thread>

#include "peer.h"

namespace {

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, 0);
    if (sent < 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

void echo(int fd) {
  std::array<char, peers::kBufferSize> buffer;  // left as it is: only what was received is sent
  ssize_t size = 0;
  do {
    size = recv(fd, buffer.data(), buffer.size(), 0);
  } while (size > 0 && send_all(fd, buffer.data(), static_cast<std::size_t>(size)));
  close(fd);
}

// Of small stacks the C library keeps many for the next threads; of the usual 8 MiB, five.
void use_small_stacks() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::size_t{128} * 1024);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

void start_thread(int fd) {
  try {
    std::thread(echo, fd).detach();
  } catch (const std::system_error&) {
    close(fd);  // no thread left for it
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int listener = peers::start(count, arguments);
  use_small_stacks();
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) start_thread(fd);
  }
}
