// Whether a server answers yet: one connection, a few bytes there and back.
#pragma once

#include <chrono>
#include <cstddef>

#include "os/fd.h"
#include "ouro/address.h"

namespace ouro::study {

// A port of 127.0.0.1 that nobody uses just now.
[[nodiscard]] Result<Address> free_address();

// Never waits; asked again and again until it says yes.
class Probe {
 public:
  explicit Probe(const Address& address) : address_(address) {}
  [[nodiscard]] bool answered() noexcept;
  // What came back was not what was sent: no echo server.
  [[nodiscard]] bool wrong() const noexcept { return wrong_; }
  // Readable when there may be an answer; negative when there is no connection.
  [[nodiscard]] int fd() const noexcept { return connection_.get(); }

 private:
  void connect() noexcept;
  [[nodiscard]] bool send() noexcept;

  Address address_;
  os::Fd connection_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  bool wrong_ = false;
};

}  // namespace ouro::study
