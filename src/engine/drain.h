// Leaving without hurting anyone: what is queued is accepted, what is under way finishes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "engine/timer_wheel.h"

namespace ouro::engine {

class WorkerLoop;

// Looks over the connections every few milliseconds: a quiet one is closed with FIN, a busy one
// when it falls quiet for a second (a lost packet or a distant peer may take most of that) or for a
// quarter of a short limit. A second before the limit (at half of it, if it is short) nobody is
// read from any more, so that what is unsent can be flushed; at the limit what is left is cut.
// Whoever sent something that was not answered counts as cut; a pair counts once. Belongs to one
// worker. While it runs, another start() can only bring the limit nearer.
class Drain final : private TimerNode {
 public:
  explicit Drain(WorkerLoop& loop) noexcept : loop_(loop) {}
  ~Drain() override;

  void start(std::chrono::milliseconds limit, std::function<void(std::size_t)> done);
  [[nodiscard]] bool running() const noexcept { return static_cast<bool>(done_); }
  // A connection that was closed for the drain had more to say.
  void cut_short() noexcept { ++cut_; }
  // Told by the worker when the last connection has gone.
  void connections_gone();

 private:
  static constexpr std::uint64_t kLookNs = 10'000'000;
  static constexpr std::uint64_t kQuietNs = 1'000'000'000;
  static constexpr std::uint64_t kFlushNs = 1'000'000'000;

  void expired() override;

  WorkerLoop& loop_;
  std::function<void(std::size_t)> done_;
  std::uint64_t started_ns_ = 0;
  std::uint64_t limit_ns_ = 0;
  std::size_t cut_ = 0;
};

}  // namespace ouro::engine
