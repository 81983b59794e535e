#include "proxy/access/ring.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace ouro::proxy {
namespace {

using Size = std::uint16_t;  // stands before each record
static_assert(kRecordBytesMax <= UINT16_MAX);

}  // namespace

bool LogRing::put(std::span<const std::byte> record) noexcept {
  const std::uint64_t at = state_->put.load(std::memory_order_relaxed);
  const std::uint64_t used = at - state_->taken.load(std::memory_order_acquire);
  const auto size = static_cast<Size>(record.size());
  if (used + sizeof(size) + size > bytes_.size()) {
    state_->dropped.add();
    return false;
  }
  copy_in(at, std::as_bytes(std::span(&size, 1)));
  copy_in(at + sizeof(size), record);
  state_->put.store(at + sizeof(size) + size, std::memory_order_release);
  return true;
}

std::span<const std::byte> LogRing::take(std::span<std::byte> into) noexcept {
  const std::uint64_t at = state_->taken.load(std::memory_order_relaxed);
  const std::uint64_t end = state_->put.load(std::memory_order_acquire);
  if (at == end) return {};
  Size size = 0;
  copy_out(at, std::as_writable_bytes(std::span(&size, 1)));
  const std::uint64_t next = at + sizeof(size) + size;
  if (size == 0 || size > into.size() || next - at > end - at || end - at > bytes_.size()) {
    state_->taken.store(end, std::memory_order_release);
    return {};
  }
  const auto record = into.first(size);
  copy_out(at + sizeof(size), record);
  state_->taken.store(next, std::memory_order_release);
  return record;
}

void LogRing::copy_in(std::uint64_t at, std::span<const std::byte> from) noexcept {
  const std::size_t offset = at & (bytes_.size() - 1);
  const std::size_t first = std::min(from.size(), bytes_.size() - offset);
  std::memcpy(bytes_.data() + offset, from.data(), first);
  std::memcpy(bytes_.data(), from.data() + first, from.size() - first);
}

void LogRing::copy_out(std::uint64_t at, std::span<std::byte> into) const noexcept {
  const std::size_t offset = at & (bytes_.size() - 1);
  const std::size_t first = std::min(into.size(), bytes_.size() - offset);
  std::memcpy(into.data(), bytes_.data() + offset, first);
  std::memcpy(into.data() + first, bytes_.data(), into.size() - first);
}

Result<LogRings> LogRings::create(unsigned workers) {
  constexpr std::size_t kCountersBytes = os::kPage;
  static_assert(sizeof(LogCounters) <= kCountersBytes && alignof(RingState) <= os::kPage);
  auto memory =
      os::SharedMemory::create(kCountersBytes + workers * (sizeof(RingState) + kRingBytes));
  if (!memory) return std::unexpected(memory.error());
  LogRings rings;
  rings.memory_ = std::move(*memory);
  std::byte* at = rings.memory_.data();
  rings.counters_ = std::construct_at(reinterpret_cast<LogCounters*>(at));
  at += kCountersBytes;
  rings.states_ = {reinterpret_cast<RingState*>(at), workers};
  std::uninitialized_default_construct(rings.states_.begin(), rings.states_.end());
  rings.bytes_ = {at + rings.states_.size_bytes(), workers * kRingBytes};
  return rings;
}

LogRing LogRings::ring(unsigned worker) const noexcept {
  return {states_[worker], bytes_.subspan(worker * kRingBytes, kRingBytes)};
}

std::uint64_t LogRings::dropped() const noexcept {
  std::uint64_t total = counters_->dropped.get();
  for (const RingState& state : states_) total += state.dropped.get();
  return total;
}

}  // namespace ouro::proxy
