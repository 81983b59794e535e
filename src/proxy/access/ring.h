// How records go from workers to the attendant: a ring for each worker in memory that the master
// makes before it forks. One writes, one reads, and neither ever waits for the other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/shared_memory.h"
#include "ouro/counters.h"

namespace ouro::proxy {

// At 200 bytes a record, 50 ms of 50000 connections a second and worker.
inline constexpr std::size_t kRingBytes = std::size_t{512} << 10;
inline constexpr std::size_t kRecordBytesMax = 1024;

// What both sides know of a ring. Each half has one writer, and a cache line of its own.
struct RingState {
  alignas(64) std::atomic<std::uint64_t> put{0};    // bytes ever put; by the worker
  Counter dropped;                                  // records there was no room for; the same
  alignas(64) std::atomic<std::uint64_t> taken{0};  // bytes ever taken; by the attendant
};

// A view. A worker's successor goes on where it was killed: a record is there when it is complete.
class LogRing {
 public:
  LogRing(RingState& state, std::span<std::byte> bytes) noexcept : state_(&state), bytes_(bytes) {}

  // By the worker. False: there is no room, and the record is dropped and counted.
  bool put(std::span<const std::byte> record) noexcept;
  // By the attendant: the oldest record, copied into `into` of kRecordBytesMax; nothing: there is
  // none. Believes nothing that a worker may have written: what makes no sense is dropped.
  [[nodiscard]] std::span<const std::byte> take(std::span<std::byte> into) noexcept;
  [[nodiscard]] std::uint64_t dropped() const noexcept { return state_->dropped.get(); }

 private:
  void copy_in(std::uint64_t at, std::span<const std::byte> from) noexcept;
  void copy_out(std::uint64_t at, std::span<std::byte> into) const noexcept;

  RingState* state_;
  std::span<std::byte> bytes_;  // a power of two
};

// What became of the records, by the attendant, and kept beyond its death.
struct LogCounters {
  Counter written;  // lines
  Counter dropped;  // lines that could not be written
};

class LogRings {
 public:
  [[nodiscard]] static Result<LogRings> create(unsigned workers);

  [[nodiscard]] LogRing ring(unsigned worker) const noexcept;
  [[nodiscard]] unsigned count() const noexcept { return static_cast<unsigned>(states_.size()); }
  [[nodiscard]] LogCounters& counters() const noexcept { return *counters_; }
  // Lines that were lost, here or on the way.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

 private:
  os::SharedMemory memory_;
  LogCounters* counters_ = nullptr;
  std::span<RingState> states_;
  std::span<std::byte> bytes_;  // kRingBytes for each
};

}  // namespace ouro::proxy
