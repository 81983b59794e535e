// Where the servers are that a name stands for, for all workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "ouro/address.h"

namespace ouro::proxy {

// What the DNS says of one of them.
struct NamedPlace {
  Address address;      // kNone: there is no such server
  unsigned weight = 0;  // of a service; 0: the config says it
  bool backup = false;
  [[nodiscard]] bool operator==(const NamedPlace&) const = default;
};

// In shared memory. Two copies: who writes one leaves the other as it was, so that a writer that
// dies on the way has changed nothing.
class alignas(64) PublishedPlace {
 public:
  // By one process at a time.
  void publish(const NamedPlace& place) noexcept;
  // Nothing: it was changed meanwhile, again and again; the next look will find it.
  [[nodiscard]] std::optional<NamedPlace> read() const noexcept;

 private:
  using Copy = std::array<std::atomic<std::uint64_t>, 3>;

  std::atomic<std::uint64_t> version_{0};  // its last bit says which copy is in force
  std::array<Copy, 2> copies_{};
};

}  // namespace ouro::proxy
