// What the processes of a server see of each other without asking: a page for each child, in
// memory that the master makes before it forks. Each field has one writer, said beside it.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "os/shared_memory.h"
#include "ouro/counters.h"
#include "ouro/error.h"

namespace ouro::host {

inline constexpr unsigned kWorkersMax = 1024;
inline constexpr std::size_t kCacheLine = 64;

enum class ServerState : std::uint32_t { kStarting, kReady, kLeaving };

// kDown: there is no process. kHung: its loop stands still. kLeaving: it drains.
enum class ChildState : std::uint32_t { kDown, kStarting, kLive, kHung, kLeaving };

// Connections on their way to a worker: sent to its inbox, not yet taken out. The generation
// changes when the worker dies, so that what was counted for the dead is not subtracted from its
// successor; both live in one word because several processes change them.
class InboxCount {
 public:
  struct Value {
    std::uint32_t generation = 0;
    std::uint32_t count = 0;
  };

  [[nodiscard]] Value load() const noexcept { return unpack(word_.load()); }
  // Gives the generation they were counted under.
  std::uint32_t add(std::uint32_t count) noexcept;
  // False: they were counted for a worker that has died, and forgotten with it.
  bool subtract(std::uint32_t count, std::uint32_t generation) noexcept;
  void begin_generation() noexcept;

 private:
  static Value unpack(std::uint64_t word) noexcept {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
  static std::uint64_t pack(Value value) noexcept {
    return std::uint64_t{value.generation} << 32 | value.count;
  }

  std::atomic<std::uint64_t> word_{0};
};

// The page of one worker, or of the attendant. The groups are on cache lines of their own.
struct alignas(os::kPage) WorkerPage {
  // The worker writes; the master zeroes them when it has died.
  Counters counters;
  alignas(kCacheLine) std::atomic<std::uint64_t> claimed{0};  // connections it serves
  std::atomic<std::uint64_t> moves{0};  // times it moved some between pages; never zeroed
  // Connections wait here for a free slot. Set by the worker, cleared by whoever wakes it.
  alignas(kCacheLine) std::atomic<bool> waiting{false};
  // It leaves, and has handed over the last one. Set by the worker.
  std::atomic<bool> keeps_all{false};
  alignas(kCacheLine) InboxCount inbox;  // everybody
  // The master writes.
  alignas(kCacheLine) std::atomic<ChildState> state{ChildState::kDown};
  std::atomic<std::uint32_t> process_id{0};
  Counter respawns;

  [[nodiscard]] bool able() const noexcept { return state.load() == ChildState::kLive; }
  [[nodiscard]] bool may_hand_over() const noexcept {
    return state.load() != ChildState::kDown && !keeps_all.load();
  }
  [[nodiscard]] std::uint64_t load() const noexcept { return claimed.load() + inbox.load().count; }
  // After the worker's death: what it claimed is free again.
  void forget_worker() noexcept;
};

// Written by the master.
struct alignas(os::kPage) MasterPage {
  std::atomic<ServerState> state{ServerState::kStarting};
  std::atomic<bool> engine_is_uring{false};
};

// All pages. Every process of the server has them; the memory goes with the last one.
class SharedPages {
 public:
  [[nodiscard]] static Result<SharedPages> create(unsigned workers);

  [[nodiscard]] MasterPage& master() const noexcept { return *master_; }
  [[nodiscard]] std::span<WorkerPage> workers() const noexcept { return workers_; }
  [[nodiscard]] WorkerPage& attendant() const noexcept { return *attendant_; }

 private:
  os::SharedMemory memory_;
  MasterPage* master_ = nullptr;
  WorkerPage* attendant_ = nullptr;
  std::span<WorkerPage> workers_;
};

}  // namespace ouro::host
