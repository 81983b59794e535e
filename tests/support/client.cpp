#include "client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

namespace ouro::test {
namespace {

[[noreturn]] void fail_with(const std::string& what, int error) {
  throw ClientError(what + ": " + std::strerror(error));
}

int family_of(const Address& address) { return address.raw()->sa_family; }

void set_buffer(int fd, int option, int size) {
  if (size == 0) return;
  if (setsockopt(fd, SOL_SOCKET, option, &size, sizeof size) != 0) {
    fail_with("cannot set a socket buffer", errno);
  }
}

// A Unix socket with a full backlog says EAGAIN instead of waiting, so we wait.
int connect_patiently(int fd, const Address& to) {
  const auto deadline = std::chrono::steady_clock::now() + kCeiling;
  while (::connect(fd, to.raw(), to.raw_size()) != 0) {
    const bool again = errno == EAGAIN && std::chrono::steady_clock::now() < deadline;
    if (!again && errno != EINTR) return errno;
    sleep_briefly();
  }
  return 0;
}

int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

int patience() {
  const char* asked = std::getenv("OURO_TEST_PATIENCE");
  return asked == nullptr ? 1 : std::clamp(std::atoi(asked), 1, 1000);
}

void sleep_briefly() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

TestClient TestClient::connect(const Address& to, const Options& options) {
  TestClient client(socket(family_of(to), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  set_buffer(client.fd_, SO_RCVBUF, options.receive_buffer);
  set_buffer(client.fd_, SO_SNDBUF, options.send_buffer);
  int error = connect_patiently(client.fd_, to);
  if (error == EINPROGRESS) {
    client.wait_until(POLLOUT, "connecting");
    error = pending_error(client.fd_);
  }
  if (error != 0) fail_with("cannot connect to " + to.to_string(), error);
  return client;
}

TestClient::TestClient(int fd) : fd_(fd) {
  if (fd < 0) fail_with("cannot make a socket", errno);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

TestClient::TestClient(TestClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

TestClient& TestClient::operator=(TestClient&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void TestClient::send_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t taken = try_send(bytes);
    bytes = bytes.subspan(taken);
    if (taken == 0) wait_until(POLLOUT, "sending");
  }
}

void TestClient::send_all(std::string_view text) { send_all(as_bytes(text)); }

std::size_t TestClient::try_send(std::span<const std::byte> bytes) {
  for (;;) {
    const ssize_t taken = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (taken >= 0) return static_cast<std::size_t>(taken);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) fail_with("cannot send", errno);
  }
}

std::vector<std::byte> TestClient::receive_exactly(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t got = 0; got < size;) {
    const auto count = try_receive(std::span(bytes).subspan(got));
    if (!count) {
      wait_until(POLLIN, "receiving");
    } else if (*count == 0) {
      throw ClientError("the peer ended after " + std::to_string(got) + " of " +
                        std::to_string(size) + " bytes");
    } else {
      got += *count;
    }
  }
  return bytes;
}

std::string TestClient::receive_text(std::size_t size) {
  const auto bytes = receive_exactly(size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> TestClient::receive_until_end() {
  std::vector<std::byte> bytes;
  std::array<std::byte, 65536> piece;
  for (;;) {
    const auto count = try_receive(piece);
    if (!count) {
      wait_until(POLLIN, "receiving up to the end");
    } else if (*count == 0) {
      return bytes;
    } else {
      bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*count));
    }
  }
}

Ending TestClient::wait_for_end() {
  std::array<std::byte, 65536> piece;
  for (;;) {
    const ssize_t count = ::recv(fd_, piece.data(), piece.size(), 0);
    if (count == 0) return Ending::kFin;
    if (count < 0 && errno == ECONNRESET) return Ending::kReset;
    if (count < 0 && errno == EAGAIN) wait_until(POLLIN, "waiting for the end");
    if (count < 0 && errno != EAGAIN && errno != EINTR) fail_with("cannot receive", errno);
  }
}

std::optional<std::size_t> TestClient::try_receive(std::span<std::byte> into) {
  for (;;) {
    const ssize_t count = ::recv(fd_, into.data(), into.size(), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR) fail_with("cannot receive", errno);
  }
}

void TestClient::half_close() {
  // ENOTCONN: the server has cut the connection; the next receive tells.
  if (shutdown(fd_, SHUT_WR) != 0 && errno != ENOTCONN) fail_with("cannot half-close", errno);
}

void TestClient::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void TestClient::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void TestClient::wait_until(short events, const char* what) const {
  pollfd waiting{.fd = fd_, .events = events, .revents = 0};
  const auto ceiling = std::chrono::duration_cast<std::chrono::milliseconds>(kCeiling);
  const int ready = poll(&waiting, 1, static_cast<int>(ceiling.count()));
  if (ready == 0) throw ClientError(std::string("gave up ") + what);
  if (ready < 0 && errno != EINTR) fail_with("cannot wait", errno);
}

}  // namespace ouro::test
