// Which worker serves a fresh connection. The kernel spreads connections over sockets by a hash,
// which leaves 25 on one worker and 39 on the other; a worker that has clearly more than its share
// passes the newest on.
#pragma once

#include <cstdint>
#include <span>

namespace ouro::host {

struct WorkerLoad {
  std::uint64_t connections = 0;
  bool able = false;  // takes connections: live, not hung, not leaving
};

// A worker keeps what it accepts until it has this many more than the mean.
inline constexpr std::uint64_t kBalanceSlack = 2;

// `self` has accepted one; its load counts it already. Gives `self`, or the worker that has the
// fewest. Nobody gets more than `most`.
[[nodiscard]] unsigned choose_worker(std::span<const WorkerLoad> loads, unsigned self,
                                     std::uint64_t most) noexcept;

// The most that a live worker has above the one that has fewest.
[[nodiscard]] std::uint64_t imbalance(std::span<const WorkerLoad> loads) noexcept;

// The able worker with the fewest connections, other than `except`; -1 if there is none.
[[nodiscard]] int least_loaded(std::span<const WorkerLoad> loads, unsigned except) noexcept;

}  // namespace ouro::host
