#include "engine/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace ouro::engine {

void TimerWheel::start(TimerNode& node, std::uint64_t deadline_ns) noexcept {
  stop(node);
  constexpr std::uint64_t kRoundUp = (std::uint64_t{1} << kTickShift) - 1;
  node.expiry_tick_ = std::max((deadline_ns + kRoundUp) >> kTickShift, tick_ + 1);
  place(node);
  ++size_;
}

void TimerWheel::stop(TimerNode& node) noexcept {
  if (!node.linked()) return;
  node.unlink();
  --size_;
}

void TimerWheel::place(TimerNode& node) noexcept {
  const std::uint64_t distance = node.expiry_tick_ - tick_;
  unsigned level = 0;
  while (level + 1 < kLevels && distance >> (kSlotBits * (level + 1)) != 0) ++level;
  std::uint64_t tick = node.expiry_tick_;
  const std::uint64_t horizon = std::uint64_t{kSlots - 1} << (kSlotBits * level);
  if (distance > horizon && level + 1 == kLevels) tick = tick_ + horizon;  // placed again then
  const auto slot = static_cast<unsigned>(tick >> (kSlotBits * level)) % kSlots;
  levels_[level].slots[slot].push_back(node);
  levels_[level].maybe |= std::uint64_t{1} << slot;
}

std::uint64_t TimerWheel::next_tick() const noexcept {
  std::uint64_t next = kNever;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (levels_[level].maybe == 0) continue;
    const std::uint64_t base = (tick_ >> (kSlotBits * level)) + 1;
    const auto turned = std::rotr(levels_[level].maybe, static_cast<int>(base % kSlots));
    const auto steps = static_cast<std::uint64_t>(std::countr_zero(turned));
    next = std::min(next, (base + steps) << (kSlotBits * level));
  }
  return next;
}

std::uint64_t TimerWheel::next_ns() const noexcept {
  if (size_ == 0) return kNever;
  const std::uint64_t tick = next_tick();
  return tick == kNever ? kNever : tick << kTickShift;
}

void TimerWheel::advance(std::uint64_t now_ns) {
  const std::uint64_t target = now_ns >> kTickShift;
  while (tick_ < target) {
    const std::uint64_t next = size_ == 0 ? kNever : next_tick();
    tick_ = std::min(next, target);
    if (next > target) return;
    for (unsigned level = kLevels - 1; level > 0; --level) {
      const std::uint64_t below = (std::uint64_t{1} << (kSlotBits * level)) - 1;
      if ((tick_ & below) == 0) cascade(level);
    }
    fire();
  }
}

// The slot's time has come nearer: its nodes move to finer wheels.
void TimerWheel::cascade(unsigned level) noexcept {
  const auto slot = static_cast<unsigned>(tick_ >> (kSlotBits * level)) % kSlots;
  levels_[level].maybe &= ~(std::uint64_t{1} << slot);
  IntrusiveList<TimerNode> moving;
  levels_[level].slots[slot].move_all_to(moving);
  while (TimerNode* node = moving.pop_front()) place(*node);
}

void TimerWheel::fire() {
  const auto slot = static_cast<unsigned>(tick_ % kSlots);
  levels_[0].maybe &= ~(std::uint64_t{1} << slot);
  IntrusiveList<TimerNode> due;
  levels_[0].slots[slot].move_all_to(due);
  while (TimerNode* node = due.pop_front()) {
    --size_;
    node->expired();
  }
}

}  // namespace ouro::engine
