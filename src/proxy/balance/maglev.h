// The same client gets the same server, in every worker and after a restart, and few clients change
// when a server comes or goes: consistent hashing with a table (Maglev, NSDI 2016, section 3.4).
#pragma once

#include <vector>

#include "proxy/balance/balancer.h"

namespace ouro::proxy {

// The table is 128 KiB, made when the servers change; that takes a millisecond or two, and 60 with
// 10,000 servers of which one has weight 1000 and the others 1. Each server has as many of its
// places as its weight in the config says; slow starts do not move clients.
//
// A client whose server is not eligible looks at other places of the table, in an order of its own;
// so the clients of a server that is down spread over the others by weight, come back when it does,
// and nobody else moves. Who finds nobody in many places takes the first eligible server from one
// that its hash names.
class Maglev final : public Balancer {
 public:
  static constexpr std::uint32_t kPlaces = 65537;  // a prime, as it has to be
  static constexpr std::size_t kServersMax = 65535;

  void set_servers(std::span<const BalancedServer> servers) override;
  [[nodiscard]] int pick(std::span<const Candidate> candidates,
                         std::uint64_t client) noexcept override;

 private:
  static constexpr int kTriesMax = 32;
  static constexpr std::uint16_t kNobody = 0xffff;

  std::size_t servers_ = 0;
  std::vector<std::uint16_t> table_;  // indices of servers; empty if no server has weight
};

}  // namespace ouro::proxy
