// What may go wrong in a simulated run: which kinds, and how often.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "support/pattern.h"

namespace ouro::sim {

// name, words for the totals
#define OURO_FAULTS(X)                                                  \
  X(short_receive, "receives of less than there was")                   \
  X(short_send, "sends of which only a part was taken")                 \
  X(late_completion, "operations that took up to 20 ms")                \
  X(reordered, "turns that saw connections in another order")           \
  X(few_completions, "turns that saw only a few of what had completed") \
  X(no_buffers, "receives that found no buffer")                        \
  X(multishot_ended, "multishots that ended early")                     \
  X(send_failed, "sends for which the kernel had no memory for now")    \
  X(accept_failed, "accepts that failed")                               \
  X(connect_failed, "connects that were refused, or never answered")    \
  X(out_of_descriptors, "sockets that could not be made")               \
  X(reset, "peers that cut the connection")                             \
  X(half_close, "peers that ended their side early")                    \
  X(slow_reader, "peers that read in drips, late, or never")            \
  X(slow_writer, "peers that wrote in drips")                           \
  X(silent, "peers that said nothing for long")                         \
  X(zero_copy_late, "zero-copy sends whose memory was held for long")   \
  X(drain, "runs that ended in a drain")

enum class Fault : std::uint8_t {
#define OURO_DECLARE(name, words) name,
  OURO_FAULTS(OURO_DECLARE)
#undef OURO_DECLARE
};
#define OURO_COUNT(name, words) +1
inline constexpr std::size_t kFaults = 0 OURO_FAULTS(OURO_COUNT);
#undef OURO_COUNT

inline constexpr std::size_t kFaultsMin = 3;  // kinds in every run

// How often each kind struck.
struct FaultCounts {
  std::array<std::uint64_t, kFaults> count{};

  void add(const FaultCounts& other);
  [[nodiscard]] std::string to_string() const;  // a line for each kind
};

// The kinds of one run, drawn from its seed, and the dice.
class Faults {
 public:
  explicit Faults(test::Random& random);

  [[nodiscard]] bool on(Fault fault) const { return kinds_ >> index(fault) & 1; }
  // Once in `odds` times, if this kind is on.
  [[nodiscard]] bool strikes(Fault fault, std::uint64_t odds);
  // It happened without dice.
  void count(Fault fault) { ++counts_.count[index(fault)]; }
  // None from now on.
  void clear() { kinds_ = 0; }
  [[nodiscard]] const FaultCounts& counts() const { return counts_; }
  [[nodiscard]] std::string kinds() const;

 private:
  static std::size_t index(Fault fault) { return static_cast<std::size_t>(fault); }

  test::Random& random_;
  std::uint32_t kinds_ = 0;
  FaultCounts counts_;
};

}  // namespace ouro::sim
