// Two servers at random, by weight; of these the one with fewer connections for its weight, or the
// first if they are as good. Nearly as even as the least of all, and workers whose loads are a
// little old do not all run to the same server.
#pragma once

#include "base/random.h"
#include "proxy/balance/balancer.h"

namespace ouro::proxy {

class TwoChoices final : public Balancer {
 public:
  explicit TwoChoices(std::uint64_t seed) noexcept : random_(seed) {}

  void set_servers(std::span<const BalancedServer> /*servers*/) override {}
  [[nodiscard]] int pick(std::span<const Candidate> candidates,
                         std::uint64_t client) noexcept override;

 private:
  // One that is eligible, other than `except`; their weights add up to `total`, which is not 0.
  [[nodiscard]] int draw(std::span<const Candidate> candidates, int except,
                         std::uint64_t total) noexcept;

  Random random_;
};

}  // namespace ouro::proxy
