// Blocks of equal size for receiving, and for what slow peers have not taken yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "os/memory.h"
#include "ouro/buffer.h"

namespace ouro::detail {

// Belongs to one worker. Grows by slabs of huge-page size up to its bound and gives them back when
// a burst is over. The block given back last is taken first, from the lowest slab that has one: so
// what is in use stays small and hot in the cache, and high slabs fall empty.
class BufferPool {
 public:
  // Blocks of no bytes are records alone, for memory that belongs to somebody else.
  BufferPool(std::size_t block_bytes, std::size_t blocks_max);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // Null when the bound is reached or memory is out. The block is empty and kProgram's.
  [[nodiscard]] Block* take() noexcept;
  void give(Block* block) noexcept;

  // Blocks that can be taken, as far as is known.
  [[nodiscard]] std::size_t spare() const noexcept {
    return (starved_ ? made() : blocks_max_) - used_;
  }
  [[nodiscard]] Block* at(std::uint32_t index) noexcept;
  [[nodiscard]] std::size_t block_bytes() const noexcept { return block_bytes_; }
  [[nodiscard]] std::size_t blocks_max() const noexcept { return blocks_max_; }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_ * block_bytes_; }
  // Blocks there is memory for now.
  [[nodiscard]] std::size_t made() const noexcept;
  // What can be used: less than the bound where the system has had no memory for more lately.
  [[nodiscard]] std::size_t usable_bytes() const noexcept {
    return (starved_ ? made() : blocks_max_) * block_bytes_;
  }
  // Memory the pool holds, used or not.
  [[nodiscard]] std::size_t held_bytes() const noexcept;
  // Gives back slabs that were unused since the last call; if memory was out, it is tried anew.
  void trim() noexcept;
  // Makes the first slab now: there may be no memory when it is needed. False if there is none now.
  bool prepare() noexcept { return !slabs_.empty() || grow(); }
  // Makes every slab now, for memory that is to be registered with the kernel; it is never
  // trimmed.
  [[nodiscard]] bool fill() noexcept;
  // The kernel knows this memory: its blocks can be sent without a copy.
  [[nodiscard]] bool registered() const noexcept { return registered_; }
  void set_registered() noexcept { registered_ = true; }
  [[nodiscard]] std::size_t slab_count() const noexcept { return slabs_.size(); }
  [[nodiscard]] const os::Mapping& slab_memory(std::size_t slab) const noexcept;
  [[nodiscard]] std::size_t slab_of(const Block* block) const noexcept;

 private:
  static constexpr std::size_t kSlabsMax = 64;  // one bit each in mask_

  struct Slab {
    os::Mapping memory;
    std::unique_ptr<Block[]> blocks;
    Block* free = nullptr;
    std::size_t used = 0;
    bool idle_since_trim = false;
    bool resident = true;
  };

  bool grow() noexcept;

  // Not a power of two where it can be helped: the beginnings of all blocks, which is what small
  // messages touch, would share a few sets of the cache.
  std::size_t block_bytes_;
  std::size_t blocks_max_;
  std::size_t slab_blocks_;  // a power of two: which slab a block is in, is asked for often
  unsigned slab_shift_;
  std::size_t used_ = 0;
  bool registered_ = false;
  bool starved_ = false;    // the last try to grow found no memory
  std::uint64_t mask_ = 0;  // slabs with a free block
  std::vector<Slab> slabs_;
};

}  // namespace ouro::detail
