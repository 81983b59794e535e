// When a dead child is replaced: at once, unless it keeps dying.
#pragma once

#include <chrono>

namespace ouro::host {

// Of one child slot; the master asks. Pure.
class Respawn {
 public:
  // A child died after it had lived for so long; how long to wait before the next one.
  [[nodiscard]] std::chrono::milliseconds died_after(std::chrono::milliseconds lived) noexcept;
  // It dies again and again, and is held back.
  [[nodiscard]] bool crash_looping() const noexcept { return quick_deaths_ >= kQuickDeathsMax; }

 private:
  // Who lives this long did not die of how it started.
  static constexpr std::chrono::milliseconds kStable{10'000};
  static constexpr unsigned kQuickDeathsMax = 5;
  static constexpr std::chrono::milliseconds kFirstDelay{100};
  static constexpr std::chrono::milliseconds kDelayMax{5'000};

  unsigned quick_deaths_ = 0;
};

}  // namespace ouro::host
