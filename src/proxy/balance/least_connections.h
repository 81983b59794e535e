// The server with the fewest connections for its weight; those that are equal take turns.
#pragma once

#include <cstddef>

#include "proxy/balance/balancer.h"

namespace ouro::proxy {

class LeastConnections final : public Balancer {
 public:
  explicit LeastConnections(unsigned offset) noexcept : next_(offset) {}

  void set_servers(std::span<const BalancedServer> /*servers*/) override {}
  [[nodiscard]] int pick(std::span<const Candidate> candidates,
                         std::uint64_t client) noexcept override;

 private:
  std::size_t next_;  // who is looked at first
};

}  // namespace ouro::proxy
