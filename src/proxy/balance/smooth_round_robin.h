// In turn, each as often as its weight says, and never in a row what can be spread: weights 5, 1, 1
// give A A B A C A A. The algorithm is nginx's.
#pragma once

#include <vector>

#include "proxy/balance/balancer.h"

namespace ouro::proxy {

class SmoothRoundRobin final : public Balancer {
 public:
  // Begins as if `offset` connections had been placed.
  explicit SmoothRoundRobin(unsigned offset) noexcept : offset_(offset) {}

  void set_servers(std::span<const BalancedServer> servers) override;
  [[nodiscard]] int pick(std::span<const Candidate> candidates,
                         std::uint64_t client) noexcept override;

 private:
  struct Turn {
    std::uint64_t id = 0;
    std::int64_t credit = 0;  // grows by the weight, falls by all weights when it is picked
  };

  void skip_first(std::span<const BalancedServer> servers);

  unsigned offset_;
  std::vector<Turn> turns_;
};

}  // namespace ouro::proxy
