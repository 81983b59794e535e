#include "host/claims.h"

#include <utility>

namespace ouro::host {
namespace {

bool can_be_woken(const WorkerPage& page) noexcept {
  const ChildState state = page.state.load();
  return state == ChildState::kLive || state == ChildState::kLeaving;
}

// Two workers that claim the last place at once both give way; they try again this often.
constexpr int kTriesMax = 4;
constexpr int kCountsMax = 16;

std::uint64_t total_moves(std::span<const WorkerPage> pages) noexcept {
  std::uint64_t total = 0;
  for (const WorkerPage& page : pages) total += page.moves.load();
  return total;
}

}  // namespace

// A connection that moves from a page not yet read to one already read would be missed: then the
// count is made again.
std::optional<std::uint64_t> total_claimed(std::span<const WorkerPage> pages) noexcept {
  std::uint64_t moves = total_moves(pages);
  for (int i = 0; i < kCountsMax; ++i) {
    std::uint64_t total = 0;
    for (const WorkerPage& page : pages) total += page.load();
    const std::uint64_t moves_before = std::exchange(moves, total_moves(pages));
    if (moves == moves_before) return total;
  }
  return std::nullopt;
}

bool Claims::claim() noexcept {
  if (try_claim()) return true;
  const bool others_wait = own().waiting.exchange(true);
  // A place freed before the mark was there to be seen would wake nobody.
  if (!try_claim()) return false;
  if (!others_wait) own().waiting.store(false);
  return true;
}

// Sequentially consistent throughout: a claim must be visible before the others' are read.
bool Claims::try_claim() noexcept {
  for (int i = 0; i < kTriesMax; ++i) {
    add(1);
    if (limit_ == 0 || fewer_than(limit_ + 1)) return true;
    add(-1);
    if (!fewer_than(limit_)) return false;
  }
  return false;
}

bool Claims::fewer_than(std::uint64_t count) const noexcept {
  const auto total = total_claimed(pages_);
  return total && *total < count;
}

void Claims::add(std::int64_t count) noexcept {
  // One writer: no read-modify-write needed.
  own().claimed.store(own().claimed.load() + static_cast<std::uint64_t>(count));
}

std::uint32_t Claims::give(unsigned target) noexcept {
  const std::uint32_t generation = pages_[target].inbox.add(1);
  own().moves.fetch_add(1);
  add(-1);
  return generation;
}

bool Claims::take(unsigned target, std::uint32_t generation, std::uint32_t count) noexcept {
  add(count);
  own().moves.fetch_add(1);
  if (pages_[target].inbox.subtract(count, generation)) return true;
  add(-std::int64_t{count});
  return false;
}

int Claims::next_waiting() noexcept {
  const auto count = static_cast<unsigned>(pages_.size());
  for (unsigned step = 1; step <= count; ++step) {
    const unsigned index = (last_woken_ + step) % count;
    WorkerPage& page = pages_[index];
    if (!page.waiting.load() || !can_be_woken(page)) continue;
    if (!page.waiting.exchange(false)) continue;
    last_woken_ = index;
    return static_cast<int>(index);
  }
  return -1;
}

}  // namespace ouro::host
