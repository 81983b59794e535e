// Deadlines in four wheels of 64 slots: starting, stopping and expiring cost the same however many
// there are. One tick is about a millisecond; a timer fires in the first tick after its deadline.
#pragma once

#include <array>
#include <cstdint>

#include "base/intrusive_list.h"

namespace ouro::engine {

// One pending deadline, owned by who waits for it.
class TimerNode : public ListHook {
 public:
  virtual void expired() = 0;
  [[nodiscard]] bool running() const noexcept { return linked(); }

 protected:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  virtual ~TimerNode() { unlink(); }

 private:
  friend class TimerWheel;
  std::uint64_t expiry_tick_ = 0;
};

class TimerWheel {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  explicit TimerWheel(std::uint64_t now_ns) noexcept : tick_(now_ns >> kTickShift) {}

  // Restarts the node if it is running.
  void start(TimerNode& node, std::uint64_t deadline_ns) noexcept;
  void stop(TimerNode& node) noexcept;
  // Fires what is due. Callbacks may start and stop any timer.
  void advance(std::uint64_t now_ns);
  // When advance() has something to do next, or kNever. May be early, never late.
  [[nodiscard]] std::uint64_t next_ns() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr unsigned kTickShift = 20;  // 1.05 ms
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1u << kSlotBits;
  static constexpr unsigned kLevels = 4;

  struct Level {
    std::array<IntrusiveList<TimerNode>, kSlots> slots;
    std::uint64_t maybe = 0;  // slots that may hold a node; stop() leaves bits behind
  };

  void place(TimerNode& node) noexcept;
  void cascade(unsigned level) noexcept;
  void fire();
  [[nodiscard]] std::uint64_t next_tick() const noexcept;

  std::array<Level, kLevels> levels_;
  std::uint64_t tick_;
  std::size_t size_ = 0;
};

}  // namespace ouro::engine
