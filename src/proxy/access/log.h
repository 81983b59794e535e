// The attendant's side of the access log: takes records from the rings, makes lines of them, and
// writes many at once. Never waits: while its target is full, records wait in the rings, and when
// those are full too, workers drop and count them.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/access/ring.h"
#include "proxy/access/target.h"
#include "proxy/config/config.h"

namespace ouro::proxy {

class AccessLog {
 public:
  // `rings` outlives it.
  explicit AccessLog(const LogRings& rings) noexcept;

  // What was there so far goes to the former target, as far as it takes that; from now on, here.
  void write_to(AccessTarget target, AccessFormat format);
  // Everything there is, as far as it goes. `now_ns` is monotonic, as records have it.
  void drain(std::uint64_t now_ns);
  [[nodiscard]] bool is_on() const noexcept { return target_.is_open(); }
  // Whether the last drain() has left nothing behind.
  [[nodiscard]] bool is_drained() const noexcept { return drained_; }
  void append_metrics(std::string& page) const;

 private:
  [[nodiscard]] bool fill();
  [[nodiscard]] bool flush();
  void drop_lines(int system_errno);
  void tell_of_losses(std::uint64_t now_ns);

  const LogRings& rings_;
  AccessTarget target_;
  AccessFormat format_ = AccessFormat::kText;
  std::string lines_;     // not written yet
  bool in_line_ = false;  // of the first of them the target has the beginning
  bool drained_ = true;
  unsigned next_ring_ = 0;
  std::int64_t wall_clock_ns_ = 0;  // what the wall clock is ahead of the other
  std::uint64_t losses_told_;
  std::uint64_t next_word_ns_ = 0;
  int trouble_ = 0;  // errno of the last write that failed
};

}  // namespace ouro::proxy
