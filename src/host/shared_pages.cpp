#include "host/shared_pages.h"

#include <new>

#include "base/check.h"

namespace ouro::host {

std::uint32_t InboxCount::add(std::uint32_t count) noexcept {
  // A generation in the upper half is not disturbed: counts stay far below 2^32.
  return unpack(word_.fetch_add(count)).generation;
}

bool InboxCount::subtract(std::uint32_t count, std::uint32_t generation) noexcept {
  std::uint64_t word = word_.load();
  while (true) {
    const Value value = unpack(word);
    if (value.generation != generation) return false;
    OURO_CHECK(value.count >= count);
    const std::uint64_t less = pack({generation, value.count - count});
    if (word_.compare_exchange_weak(word, less)) return true;
  }
}

void InboxCount::begin_generation() noexcept {
  std::uint64_t word = word_.load();
  while (!word_.compare_exchange_weak(word, pack({unpack(word).generation + 1, 0}))) {
  }
}

void WorkerPage::forget_worker() noexcept {
#define OURO_ZERO(name, kind, help) counters.name.set(0);
  OURO_COUNTERS(OURO_ZERO)
#undef OURO_ZERO
  waiting.store(false);
  keeps_all.store(false);
  claimed.store(0);
  inbox.begin_generation();
}

Result<SharedPages> SharedPages::create(unsigned workers) {
  OURO_CHECK(workers >= 1 && workers <= kWorkersMax);
  auto memory = os::SharedMemory::create(sizeof(MasterPage) + (workers + 1) * sizeof(WorkerPage));
  if (!memory) return std::unexpected(memory.error());
  SharedPages pages;
  pages.memory_ = std::move(*memory);
  std::byte* at = pages.memory_.data();
  pages.master_ = new (at) MasterPage;
  at += sizeof(MasterPage);
  pages.attendant_ = new (at) WorkerPage;
  at += sizeof(WorkerPage);
  auto* first = reinterpret_cast<WorkerPage*>(at);
  for (unsigned i = 0; i < workers; ++i) new (at + i * sizeof(WorkerPage)) WorkerPage;
  pages.workers_ = {first, workers};
  return pages;
}

}  // namespace ouro::host
