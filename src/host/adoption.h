// Who accepts for a worker that is down or hung. Connections that the kernel gave to its socket,
// and those that others were just sending it, must not wait for it to come back.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "host/shared_pages.h"

namespace ouro::host {

// Kept by the master. Pure: it says what to tell whom.
class Adoption {
 public:
  explicit Adoption(unsigned workers) : adopters_(workers) {}

  struct Order {
    unsigned adopter = 0;
    unsigned of = 0;
    bool adopt = false;  // false: release
  };
  struct Look {
    ChildState state = ChildState::kDown;
    std::uint64_t connections = 0;
  };

  // Compares what is with what should be; the orders make up the difference.
  [[nodiscard]] std::vector<Order> settle(std::span<const Look> workers);
  // An order to adopt did not get through: it will be given again.
  void not_adopted(unsigned of) noexcept { adopters_[of].reset(); }
  [[nodiscard]] std::optional<unsigned> adopter_of(unsigned worker) const noexcept {
    return adopters_[worker];
  }

 private:
  [[nodiscard]] std::optional<unsigned> choose(std::span<const Look> workers, unsigned of) const;

  std::vector<std::optional<unsigned>> adopters_;
};

}  // namespace ouro::host
