// Tells a child whose loop stands still from one that has nothing to do, by its count of turns.
#pragma once

#include <chrono>
#include <cstdint>

namespace ouro::host {

// Of one child process; the master asks every kCheckEvery. Pure.
class Heartbeat {
 public:
  static constexpr std::chrono::milliseconds kCheckEvery{50};
  // An unanswered ping is that long a coincidence: a busy machine, a long turn.
  static constexpr std::chrono::milliseconds kSuspectAfter{100};

  enum class Finding : std::uint8_t {
    kFine,
    kPing,  // no turn since the last check, or since the last ping: give it a reason to make one
    kHung,  // the ping was not answered: told once
    kRecovered,  // it was hung and moves again
    kLost,       // it has not moved for `kill_after`
  };

  // Zero: never lost.
  explicit Heartbeat(std::chrono::milliseconds kill_after) noexcept : kill_after_(kill_after) {}
  [[nodiscard]] Finding check(std::uint64_t now_ns, std::uint64_t turns) noexcept;

 private:
  [[nodiscard]] Finding moved() noexcept;

  std::chrono::milliseconds kill_after_;
  std::uint64_t turns_ = 0;
  std::uint64_t pinged_ns_ = 0;  // 0: not since it last moved
  // One ping may be read in the turn that was counted before it came. The others follow ever more
  // slowly: who is really hung has a queue that fills up.
  std::uint64_t ping_again_ns_ = 0;
  bool hung_ = false;
};

}  // namespace ouro::host
