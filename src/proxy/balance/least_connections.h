// The server with the fewest connections for its weight; those that are as good take turns, each as
// often as its weight says.
#pragma once

#include <vector>

#include "proxy/balance/smooth_round_robin.h"

namespace ouro::proxy {

class LeastConnections final : public Balancer {
 public:
  explicit LeastConnections(unsigned offset) noexcept : turns_(offset) {}

  void set_servers(std::span<const BalancedServer> servers) override;
  [[nodiscard]] int pick(std::span<const Candidate> candidates,
                         std::uint64_t client) noexcept override;

 private:
  SmoothRoundRobin turns_;
  std::vector<Candidate> least_;  // of the pick being made; the others are not usable
};

}  // namespace ouro::proxy
