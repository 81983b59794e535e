// How many connects may be tried again at another server: a share of all, so that retries do not
// become a storm of their own when everything is failing.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ouro::proxy {

class RetryBudget {
 public:
  explicit RetryBudget(std::uint64_t percent) noexcept : percent_(percent) {}

  void connection_begun() noexcept { hundredths_ = std::min(hundredths_ + percent_, kMost); }
  [[nodiscard]] bool take() noexcept {
    if (hundredths_ < kOne) return false;
    hundredths_ -= kOne;
    return true;
  }

 private:
  static constexpr std::uint64_t kOne = 100;
  // Enough to find out that servers have gone (each is ejected after a few failures), and what a
  // burst may use.
  static constexpr std::uint64_t kFirst = 50 * kOne;
  static constexpr std::uint64_t kMost = 1000 * kOne;

  std::uint64_t percent_;
  std::uint64_t hundredths_ = kFirst;
};

}  // namespace ouro::proxy
