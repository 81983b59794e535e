// What a row of checks says of a server, and when the next one is due. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/random.h"

namespace ouro::proxy {

class RiseFall {
 public:
  explicit RiseFall(bool is_up) noexcept : is_up_(is_up) {}

  // `rise` good checks in a row bring it up, `fall` bad ones take it down. True: that was the last.
  bool count(bool good, unsigned rise, unsigned fall) noexcept {
    if (good == is_up_) {
      against_ = 0;
      return false;
    }
    if (++against_ < (good ? rise : fall)) return false;
    is_up_ = good;
    against_ = 0;
    return true;
  }
  [[nodiscard]] bool is_up() const noexcept { return is_up_; }

 private:
  bool is_up_;
  unsigned against_ = 0;  // checks in a row that say otherwise
};

// A tenth more or less, so that checks that begin together do not stay together.
[[nodiscard]] inline std::chrono::nanoseconds jittered(std::chrono::nanoseconds interval,
                                                       Random& random) noexcept {
  const std::int64_t tenth = interval.count() / 10;
  const auto add = random.below(static_cast<std::uint64_t>(2 * tenth + 1));
  return interval + std::chrono::nanoseconds{static_cast<std::int64_t>(add) - tenth};
}

// How long the first check of the `index`th of `count` servers waits: a millisecond after the one
// before it, or less if there are so many that the last would wait for longer than the interval.
[[nodiscard]] inline std::chrono::nanoseconds first_wait(
    std::size_t index, std::size_t count, std::chrono::nanoseconds interval) noexcept {
  const std::chrono::nanoseconds step = interval / static_cast<std::int64_t>(count + 1);
  const std::chrono::nanoseconds most = std::chrono::milliseconds{1};
  return (step < most ? step : most) * static_cast<std::int64_t>(index);
}

}  // namespace ouro::proxy
