// The limit on connections over all workers, exact without a lock: a worker claims on its own page,
// then sums all pages, and takes its claim back if there are too many. Used by one worker (or one
// thread); sees the pages of all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "host/shared_pages.h"

namespace ouro::host {

// Connections over all workers: served, and on the way from one to another. May be too many for a
// moment, never too few; nothing if they move about too much to be counted.
[[nodiscard]] std::optional<std::uint64_t> total_claimed(
    std::span<const WorkerPage> pages) noexcept;

class Claims {
 public:
  // A limit of 0 is none.
  Claims(std::span<WorkerPage> pages, unsigned self, std::uint64_t limit) noexcept
      : pages_(pages), self_(self), limit_(limit) {}

  // A place for one more connection here. False: there is none, and this worker is marked as
  // waiting; whoever frees a place will find the mark.
  [[nodiscard]] bool claim() noexcept;
  // A connection of this worker has ended.
  void unclaim() noexcept { add(-1); }

  // The place of a connection that goes to `target`; gives the generation to send along. Between
  // the two steps it is counted twice, never not at all.
  [[nodiscard]] std::uint32_t give(unsigned target) noexcept;
  // The places of connections that came out of the inbox of `target`. False: the worker they were
  // sent to has died and its places with it; each connection needs a claim of its own.
  [[nodiscard]] bool take(unsigned target, std::uint32_t generation, std::uint32_t count) noexcept;

  // The next worker to be told that a place is free, its mark cleared; -1 if nobody waits. Takes
  // turns, so that a busy worker does not keep every place it frees.
  [[nodiscard]] int next_waiting() noexcept;
  void stop_waiting() noexcept { own().waiting.store(false); }
  [[nodiscard]] bool limited() const noexcept { return limit_ != 0; }

 private:
  [[nodiscard]] WorkerPage& own() const noexcept { return pages_[self_]; }
  [[nodiscard]] bool try_claim() noexcept;
  [[nodiscard]] bool fewer_than(std::uint64_t count) const noexcept;
  void add(std::int64_t count) noexcept;

  std::span<WorkerPage> pages_;
  unsigned self_;
  std::uint64_t limit_;
  unsigned last_woken_ = 0;
};

}  // namespace ouro::host
