// The buffers that the kernel may fill, one ring of them for each pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/buffer_pool.h"
#include "engine/receive_policy.h"
#include "os/ring.h"
#include "ouro/error.h"

namespace ouro::engine {

// The kernel's 16-bit name for a lent block: which group, and which block of its pool.
class BufferId {
 public:
  static constexpr std::uint32_t kIndexBits = 14;
  static constexpr std::uint32_t kBlocksMax = 1u << kIndexBits;

  explicit BufferId(std::uint32_t raw) noexcept : raw_(raw) {}
  BufferId(std::uint32_t group, std::uint32_t index) noexcept : raw_(group << kIndexBits | index) {}
  [[nodiscard]] std::uint16_t raw() const noexcept { return static_cast<std::uint16_t>(raw_); }
  [[nodiscard]] std::uint32_t group() const noexcept { return raw_ >> kIndexBits; }
  [[nodiscard]] std::uint32_t index() const noexcept { return raw_ & (kBlocksMax - 1); }

 private:
  std::uint32_t raw_;
};

// Lends blocks of a pool to the kernel through a provided-buffer ring. Only as many are lent as
// recent turns have used, with some to spare: the kernel takes them in turn, so each block lent
// in excess is one more cold piece of memory on everybody's way. And no more than the cache can
// hold once they are filled: who finds none waits its turn, which costs less than cold memory.
class UringBuffers {
 public:
  UringBuffers(std::size_t block_bytes, std::size_t blocks_max) : pool_(block_bytes, blocks_max) {}
  ~UringBuffers();
  UringBuffers(const UringBuffers&) = delete;
  UringBuffers& operator=(const UringBuffers&) = delete;

  // Tells the kernel of the ring, under this group number.
  [[nodiscard]] Result<void> register_with(io_uring* ring, std::uint16_t group);
  // Also registers the memory itself, for sending without a copy. Before the ring is started.
  [[nodiscard]] Result<void> register_memory(io_uring* ring);

  // Lends what was used since; before each hand-over to the kernel.
  void refill() noexcept;
  // The kernel has filled a block: it is the program's now.
  [[nodiscard]] detail::Block* filled(std::uint32_t index, std::uint32_t bytes) noexcept;
  // A receive found nothing lent: more is to be lent from now on.
  void ran_dry() noexcept;
  // Once a second: lend less if less was used.
  void trim() noexcept;

  // How many receives asked for now would find a block.
  [[nodiscard]] std::size_t spare() const noexcept {
    return std::min<std::size_t>(std::max(lent_, to_be_lent()), lent_ + pool_.spare());
  }
  [[nodiscard]] detail::BufferPool& pool() noexcept { return pool_; }
  [[nodiscard]] const detail::BufferPool& pool() const noexcept { return pool_; }

 private:
  static constexpr std::uint32_t kLentMin = 8;
  // Streams cost most when a copy leaves the cache, small messages when nothing is lent.
  static constexpr std::size_t kHotOfStreams = std::size_t{256} << 10;
  static constexpr std::size_t kHotOfMessages = std::size_t{1} << 20;
  static constexpr std::size_t kForgetting = 64;

  // What the program holds counts as hot too: it is about to be sent.
  [[nodiscard]] std::uint32_t to_be_lent() const noexcept {
    const std::size_t held = pool_.used() - lent_;
    const std::size_t hot = hot_max_ - std::min<std::size_t>(hot_max_, held);
    return std::min(lent_wanted_, std::max(kLentMin, static_cast<std::uint32_t>(hot)));
  }
  void want(std::uint32_t blocks) noexcept;

  detail::BufferPool pool_;
  io_uring_buf_ring* lending_ = nullptr;
  std::uint32_t entries_ = 0;  // size of the lending ring, a power of two
  std::uint32_t lent_ = 0;
  std::uint32_t lent_wanted_ = 0;
  std::uint32_t hot_max_ = 0;  // as many as stay in the cache, filled as the last ones were
  std::uint32_t taken_in_turn_ = 0;
  std::size_t bytes_in_turn_ = 0;
  std::size_t filled_ = 0;        // bytes in a block, as it was in the fullest of recent turns
  std::uint32_t taken_peak_ = 0;  // most in one turn since the last trim
  std::uint16_t group_ = 0;
};

}  // namespace ouro::engine
