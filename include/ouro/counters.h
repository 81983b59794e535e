// What a worker counts. One writer (the worker), any number of readers, no locks; may live in
// memory shared between processes.
#pragma once

#include <atomic>
#include <cstdint>

namespace ouro {

// A number with a single writer. add() is a plain load and store: no locked instruction.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept { set(get() + amount); }
  void sub(std::uint64_t amount = 1) noexcept { set(get() - amount); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// name, kind (counter or gauge) and help; the metrics page and the docs are made from this list.
#define OURO_COUNTERS(X)                                                                         \
  X(connections_accepted, counter, "connections accepted")                                       \
  X(connections_connected, counter, "connections made to others")                                \
  X(connections_closed, counter, "connections that ended, in whatever way")                      \
  X(connections_open, gauge, "connections open now")                                             \
  X(connections_reset, counter, "connections cut by the peer or the network")                    \
  X(connections_timed_out, counter, "connections closed because they were idle")                 \
  X(connections_cut, counter, "connections cut by this side: aborted, or at the end of a drain") \
  X(connections_handed_over, counter, "fresh connections passed to a less loaded worker")        \
  X(connections_taken_over, counter, "fresh connections received from another worker")           \
  X(accept_errors, counter, "accepts that failed")                                               \
  X(accept_pauses, counter, "times accepting stopped because descriptors or slots ran out")      \
  X(received_bytes, counter, "bytes received")                                                   \
  X(sent_bytes, counter, "bytes sent")                                                           \
  X(receives_asked, counter, "receives asked for; one may bring many")                           \
  X(receives, counter, "completed receives")                                                     \
  X(sends, counter, "completed sends")                                                           \
  X(short_sends, counter, "sends of which the peer took only a part at once")                    \
  X(window_stalls, counter, "times a connection stopped receiving because its window was full")  \
  X(buffer_stalls, counter, "times a receive found the pool empty")                              \
  X(unsent_bytes, gauge, "memory held for what slow peers have not taken")                       \
  X(pool_bytes, gauge, "memory of the receive pool")                                             \
  X(spliced_bytes, counter, "bytes received and passed on within the kernel")                    \
  X(splices_refused, counter, "times bytes had to be copied though they were to be spliced")     \
  X(zero_copy_sends, counter, "sends made without a copy")                                       \
  X(zero_copy_copied, counter, "zero-copy sends that the kernel copied all the same")            \
  X(turns, counter, "turns of the loop")                                                         \
  X(waits, counter, "system calls that wait for and submit work")                                \
  X(completion_overflows, counter, "turns in which the completion queue had overflowed")         \
  X(last_turn_ns, gauge, "monotonic time of the last turn, in nanoseconds")

struct Counters {
#define OURO_DECLARE(name, kind, help) Counter name;
  OURO_COUNTERS(OURO_DECLARE)
#undef OURO_DECLARE
};

}  // namespace ouro
