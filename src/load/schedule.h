// When the requests of an open loop are to leave.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace ouro::load {

// Of one thread, which has `count` of all `connections`, those from `first` on. Connections take
// turns over all threads: evenly spaced, or with the random gaps of a Poisson process.
class Schedule {
 public:
  struct Turns {
    std::size_t connections = 1;
    std::size_t first = 0;
    std::size_t count = 1;
  };

  Schedule(double per_second, bool poisson, Turns turns)
      : gap_ns_(1e9 / per_second), poisson_(poisson), turns_(turns), random_(turns.first) {}

  void start(std::uint64_t now_ns) {
    begin_ns_ = static_cast<double>(now_ns);
    turn_ = round_ = 0;
    random_ns_ = 0;
    if (poisson_) advance();
  }
  [[nodiscard]] const Turns& turns() const noexcept { return turns_; }
  [[nodiscard]] bool started() const noexcept { return begin_ns_ > 0; }
  // The next request: when, and on which of the thread's connections.
  [[nodiscard]] std::uint64_t next_ns() const noexcept {
    const std::size_t before = round_ * turns_.connections + turns_.first + turn_;
    const double after = poisson_ ? random_ns_ : static_cast<double>(before) * gap_ns_;
    return static_cast<std::uint64_t>(begin_ns_ + after);
  }
  [[nodiscard]] std::size_t next_connection() const noexcept { return turn_; }
  void advance() {
    if (poisson_) random_ns_ += thread_gap_ns() * exponential_(random_);
    if (++turn_ < turns_.count) return;
    turn_ = 0;
    ++round_;
  }

 private:
  [[nodiscard]] double thread_gap_ns() const noexcept {
    return gap_ns_ * static_cast<double>(turns_.connections) / static_cast<double>(turns_.count);
  }

  double gap_ns_;  // over all threads
  bool poisson_;
  Turns turns_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> exponential_{1.0};
  double begin_ns_ = 0;  // a double tells nanoseconds apart for a hundred days of uptime
  double random_ns_ = 0;
  std::size_t turn_ = 0;
  std::size_t round_ = 0;
};

}  // namespace ouro::load
