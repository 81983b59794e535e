// When the requests of an open loop are to leave.
#pragma once

#include <cstdint>
#include <random>

namespace ouro::load {

// Of one thread. Evenly spaced, or with the gaps of a Poisson process.
class Schedule {
 public:
  Schedule(double per_second, bool poisson, std::uint64_t seed)
      : gap_ns_(1e9 / per_second), poisson_(poisson), random_(seed) {}

  void start(std::uint64_t now_ns) noexcept { next_ns_ = static_cast<double>(now_ns); }
  [[nodiscard]] std::uint64_t next_ns() const noexcept {
    return static_cast<std::uint64_t>(next_ns_);
  }
  void advance() { next_ns_ += poisson_ ? gap_ns_ * exponential_(random_) : gap_ns_; }

 private:
  double gap_ns_;
  bool poisson_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> exponential_{1.0};
  double next_ns_ = 0;  // a double tells nanoseconds apart for a hundred days of uptime
};

}  // namespace ouro::load
