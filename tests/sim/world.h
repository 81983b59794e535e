// A clock, a network and what is known to be wrong: the surroundings of one simulated run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "ouro/error.h"
#include "sim/faults.h"
#include "support/pattern.h"

namespace ouro::sim {

inline constexpr std::uint64_t kMicrosecond = 1'000;
inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

// What happens later, in the order of its time; at one time in the order it was asked for.
class Events {
 public:
  [[nodiscard]] std::uint64_t now() const { return now_; }
  // Work that takes time.
  void spend(std::uint64_t ns) { now_ += ns; }
  void at(std::uint64_t when, std::function<void()> what);
  void after(std::uint64_t ns, std::function<void()> what) { at(now_ + ns, std::move(what)); }
  void run_due();
  // Moves the clock to the next event, or to `limit`. False: nothing will ever happen.
  bool advance_to(std::uint64_t limit);

 private:
  struct Event {
    std::uint64_t when;
    std::uint64_t number;
    std::function<void()> what;
  };
  static bool later(const Event& a, const Event& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }

  std::vector<Event> heap_;
  std::uint64_t now_ = 1'000'000 * kSecond;  // a machine that has been up for a while
  std::uint64_t number_ = 0;
};

// One operation that shall fail: the n-th that could, with one of the errors it can fail with.
struct PlannedFailure {
  std::uint64_t at = 0;      // 0: none
  std::size_t error = 0;     // which of its errors
  std::uint64_t seen = 0;    // operations so far that could fail
  std::size_t possible = 0;  // how many errors that one has; 0: it was never reached
  const char* operation = "";
};

// Everything of a run comes from its seed.
struct World {
  explicit World(const test::Random& source) : random(source), faults(random) {}

  test::Random random;
  Faults faults;
  Events events;
  std::string wrong;  // the first thing that should not have happened
  PlannedFailure planned;
  std::map<std::byte, std::uint32_t> first_bytes;  // which stream begins with it
  bool tracing = false;                            // tells what happens on standard error

  // A number in [low, high].
  [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + random.next() % (high - low + 1);
  }
  [[nodiscard]] bool one_in(std::uint64_t odds) { return random.next() % odds == 0; }
  void fail(std::string what) {
    if (wrong.empty()) wrong = std::move(what);
  }
  // kNone, unless it is the turn of this operation to fail.
  [[nodiscard]] Errc failure(const char* operation, std::initializer_list<Errc> errors);
  void trace(const char* format, ...) __attribute__((format(printf, 2, 3)));
};

}  // namespace ouro::sim
