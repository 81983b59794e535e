// A client that is as plain as can be: one socket, blocking calls, a ceiling on every wait.
// Failures are thrown as ClientError; GoogleTest reports what it says.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ouro/address.h"

namespace ouro::test {

// How many times as long as usual a test may take. OURO_TEST_PATIENCE says so, for emulated
// machines.
[[nodiscard]] int patience();

// No test waits longer than this for one thing to happen. It is there so that a broken server
// fails a test instead of hanging it; no test measures with it.
inline const std::chrono::seconds kCeiling = std::chrono::seconds{20} * patience();

class ClientError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// How a connection ended, as its peer saw it.
enum class Ending { kFin, kReset };

class TestClient {
 public:
  // Kernel buffer sizes; 0 leaves the system's.
  struct Options {
    int receive_buffer = 0;
    int send_buffer = 0;
  };

  static TestClient connect(const Address& to) { return connect(to, Options{}); }
  static TestClient connect(const Address& to, const Options& options);
  // Takes a connected descriptor over.
  explicit TestClient(int fd);

  TestClient() = default;
  TestClient(TestClient&& other) noexcept;
  TestClient& operator=(TestClient&& other) noexcept;
  ~TestClient() { close(); }

  void send_all(std::span<const std::byte> bytes);
  void send_all(std::string_view text);
  // At most one call to the kernel. How much it took; nothing when it takes no more now.
  [[nodiscard]] std::size_t try_send(std::span<const std::byte> bytes);

  [[nodiscard]] std::vector<std::byte> receive_exactly(std::size_t size);
  [[nodiscard]] std::string receive_text(std::size_t size);
  // Everything up to the peer's FIN; a reset is an error.
  [[nodiscard]] std::vector<std::byte> receive_until_end();
  // Discards what comes until the connection ends in one of the two ways.
  [[nodiscard]] Ending wait_for_end();
  // At most one call to the kernel. nullopt: nothing there now; 0: the peer has ended.
  [[nodiscard]] std::optional<std::size_t> try_receive(std::span<std::byte> into);

  // Closes the writing side only: the peer sees FIN, reading goes on.
  void half_close();
  // Closes with RST.
  void reset();
  void close() noexcept;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  void wait_until(short events, const char* what) const;

  int fd_ = -1;
};

// Waits, up to the ceiling, until `holds` does; false if it never did.
template <typename Predicate>
[[nodiscard]] bool eventually(Predicate holds);

void sleep_briefly();

template <typename Predicate>
bool eventually(Predicate holds) {
  const auto deadline = std::chrono::steady_clock::now() + kCeiling;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    sleep_briefly();
  }
  return true;
}

[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace ouro::test
