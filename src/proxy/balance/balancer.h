// Which server of an upstream gets the next connection. One balancer per upstream and worker: it
// knows of the other workers only what the candidates' loads say. Pure; allocates only when the
// servers change.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "proxy/config/config.h"

namespace ouro::proxy {

// Weights count 256ths of those in the config, so that slow starts have steps (slow_start.h).
inline constexpr std::uint32_t kWeightUnit = 256;

// One of an upstream's servers, as the config has it.
struct BalancedServer {
  std::uint64_t id = 0;  // made of its address: the same in all workers and after a restart
  std::uint32_t weight = kWeightUnit;
};

// The same server at the moment.
struct Candidate {
  std::uint32_t weight = kWeightUnit;  // 0: gets nothing
  std::uint64_t load = 0;              // connections
  bool usable = true;                  // up, not full, not tried for this connection
  [[nodiscard]] bool eligible() const noexcept { return usable && weight > 0; }
};

class Balancer {
 public:
  Balancer() = default;
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;
  virtual ~Balancer() = default;

  // At the start, and when servers come, go or change; those that stay keep what is known of them.
  virtual void set_servers(std::span<const BalancedServer> servers) = 0;

  // `candidates`: the servers, in the order they were set. `client`: client_hash() of who connects.
  // An index, or -1 if none is eligible.
  [[nodiscard]] virtual int pick(std::span<const Candidate> candidates,
                                 std::uint64_t client) noexcept = 0;
};

// `worker`: its number. Workers begin at different servers, or all would send their first
// connections to the same.
[[nodiscard]] std::unique_ptr<Balancer> make_balancer(Balance kind, unsigned worker);

// Whether `one` has less to do for its weight than `other`, if each is given `more` connections.
[[nodiscard]] constexpr bool less_loaded(const Candidate& one, const Candidate& other,
                                         std::uint64_t more) noexcept {
  return (one.load + more) * other.weight < (other.load + more) * one.weight;
}

// Neither is of two that are as good, as two that are idle: then it is for their weights to decide
// who gets how many. Looking only at what is there would give a light server that is idle all it
// can take, looking only at what will be there would give it nothing.
[[nodiscard]] constexpr bool less_loaded(const Candidate& one, const Candidate& other) noexcept {
  return less_loaded(one, other, 0) && less_loaded(one, other, 1);
}

}  // namespace ouro::proxy
