// How fresh connections travel from one worker to another: a socketpair per worker, made by the
// master. Everybody has the sending ends; the receiving end is read by its worker, and by another
// one while that is down or hung. The master keeps both ends, so nothing is lost in between.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host/application.h"
#include "os/fd.h"
#include "os/fd_passing.h"
#include "ouro/error.h"

namespace ouro::host {

// Connections in one message.
inline constexpr std::size_t kHandOverBatch = 16;

// A fresh connection, and the listener it came by.
struct Arrival {
  os::Fd connection;
  ListenerId listener = 0;
};

// What lies in an inbox: connections, or without any the word that a place is free.
struct Delivery {
  std::uint32_t target = 0;      // the worker it was sent to
  std::uint32_t generation = 0;  // under which its connections were counted
  std::uint32_t count = 0;       // how many were sent; `arrivals` may be fewer (no descriptors)
  std::vector<Arrival> arrivals;
};

// The sending ends of all, and for the worker that owns it the receiving end of one.
class Inboxes {
 public:
  [[nodiscard]] static Result<Inboxes> create(unsigned workers);

  // False: it is full, and nothing was sent. The caller keeps its descriptors.
  [[nodiscard]] bool send(unsigned target, std::uint32_t generation,
                          const std::vector<Arrival>& arrivals) const noexcept;
  [[nodiscard]] bool wake(unsigned target) const noexcept;
  // For another worker to read from.
  [[nodiscard]] int receiving_end(unsigned worker) const noexcept {
    return pairs_[worker].first.get();
  }
  // In a worker: closes the receiving ends of all others.
  void keep_only(unsigned worker) noexcept;
  [[nodiscard]] os::Fd take_receiving_end(unsigned worker) noexcept {
    return std::move(pairs_[worker].first);
  }

 private:
  std::vector<os::SocketPair> pairs_;  // first receives, second sends
};

// The next delivery; nothing when the inbox is empty.
[[nodiscard]] std::optional<Delivery> receive_delivery(int receiving_end);

}  // namespace ouro::host
