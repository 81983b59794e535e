// How each connection receives: the answer depends on kernel, options and what the connection did
// lately. Pure decisions, no state of its own beyond the settings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/backend.h"

namespace ouro::engine {

// What one connection has shown; kept in the connection.
struct ReceiveHistory {
  bool streaming = false;         // fills its buffers: large single receives suit it
  bool zero_copy = false;         // receives into memory that can be sent without a copy
  bool large = false;             // the last receive was
  std::uint8_t small_streak = 0;  // small receives in a row while streaming
};

// One per worker. A multishot receive serves small messages best and large single receives serve
// streams best. Where the kernel can limit a multishot to a credit, one request is both; elsewhere
// a connection is moved between the two as its history says.
class ReceivePolicy {
 public:
  ReceivePolicy(const LaboratoryOptions& options, const BackendTraits& traits,
                std::size_t window_bytes) noexcept;

  // The next request for a connection with so many unsent bytes; credit 0: do not receive now.
  [[nodiscard]] ReceiveRequest request(const ReceiveHistory& history, std::size_t unsent,
                                       std::size_t window) const noexcept;
  // Learns from a completed receive. True: the multishot under way no longer suits, withdraw it.
  [[nodiscard]] bool learn(ReceiveHistory& history, std::size_t received) noexcept;
  // True when a multishot would go on past a full window, so that pausing must withdraw it.
  [[nodiscard]] bool unlimited() const noexcept { return multishot_ && !limited_; }
  // Counts a new turn; the credit follows what the last turns carried.
  void begin_turn() noexcept;
  // No receive shall bring more; for when there are very many connections.
  void limit_credit(std::size_t bytes) noexcept { credit_max_ = std::max(bytes, kSmallBuffer); }
  // How many streams may be served in a turn. While small requests are about only a few, since each
  // makes the turn longer for all; the more requests a turn serves, the more streams too.
  [[nodiscard]] std::uint32_t streams_per_turn() const noexcept;

  // 60 KiB, not 64: over loopback 64 KiB is one full segment and a second one of 53 bytes, which
  // costs as much as the first.
  static constexpr std::uint32_t kCreditAlone = 60u << 10;  // streams only
  static constexpr std::uint32_t kCreditMixed = 16u << 10;  // small requests wait behind streams
  static constexpr std::size_t kSmallBuffer = 4096;
  static constexpr std::size_t kSmallMessage = 4096;

 private:
  static constexpr std::uint8_t kSmallStreak = 8;
  static constexpr std::uint8_t kMixedTurns = 32;
  static constexpr std::uint32_t kRequestsPerStream = 32;

  bool multishot_;
  bool limited_;
  bool poll_first_;
  std::uint32_t buffer_bytes_;
  std::uint32_t credit_alone_ = kCreditAlone;
  std::size_t credit_max_ = kCreditAlone;
  // What this turn has seen so far, and for how many turns yet credits stay small.
  std::uint32_t small_ = 0;
  bool saw_large_ = false;
  std::uint8_t mixed_turns_ = 0;
  std::uint32_t small_before_ = 0;  // in the last turn
};

}  // namespace ouro::engine
