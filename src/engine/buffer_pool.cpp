#include "engine/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/check.h"

namespace ouro::detail {

void release(Block* block) noexcept { block->pool->give(block); }

BufferPool::BufferPool(std::size_t block_bytes, std::size_t blocks_max)
    : block_bytes_(block_bytes), blocks_max_(blocks_max) {
  const std::size_t page_blocks =
      block_bytes == 0 ? 1 : std::max<std::size_t>(1, os::kHugePage / block_bytes);
  const std::size_t even_share = (blocks_max + kSlabsMax - 1) / kSlabsMax;
  slab_blocks_ = std::max(std::bit_floor(page_blocks), std::bit_ceil(even_share));
  slab_blocks_ = std::min(std::bit_ceil(blocks_max), slab_blocks_);
  slab_shift_ = static_cast<unsigned>(std::countr_zero(slab_blocks_));
  slabs_.reserve(kSlabsMax);
}

BufferPool::~BufferPool() { OURO_CHECK(used_ == 0); }

Block* BufferPool::take() noexcept {
  if (mask_ == 0 && !grow()) return nullptr;
  Slab& slab = slabs_[static_cast<std::size_t>(std::countr_zero(mask_))];
  Block* block = slab.free;
  slab.free = block->next;
  if (slab.free == nullptr) mask_ &= mask_ - 1;
  slab.idle_since_trim = false;
  slab.resident = true;
  ++slab.used;
  ++used_;
  OURO_CHECK(block->owner == BlockOwner::kPool);
  block->owner = BlockOwner::kProgram;
  block->next = nullptr;
  block->begin = block->end = 0;
  return block;
}

void BufferPool::give(Block* block) noexcept {
  OURO_CHECK(block->owner == BlockOwner::kProgram && block->pool == this);
  const std::size_t number = slab_of(block);
  Slab& slab = slabs_[number];
  block->owner = BlockOwner::kPool;
  block->next = slab.free;
  slab.free = block;
  --slab.used;
  --used_;
  mask_ |= std::uint64_t{1} << number;
}

Block* BufferPool::at(std::uint32_t index) noexcept {
  return &slabs_[index >> slab_shift_].blocks[index & (slab_blocks_ - 1)];
}

std::size_t BufferPool::held_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Slab& slab : slabs_) bytes += slab.resident ? slab.memory.size() : 0;
  return bytes;
}

std::size_t BufferPool::made() const noexcept {
  return std::min(slabs_.size() * slab_blocks_, blocks_max_);
}

const os::Mapping& BufferPool::slab_memory(std::size_t slab) const noexcept {
  return slabs_[slab].memory;
}

std::size_t BufferPool::slab_of(const Block* block) const noexcept {
  return block->index >> slab_shift_;
}

bool BufferPool::fill() noexcept {
  while (slabs_.size() * slab_blocks_ < blocks_max_) {
    if (!grow()) return false;
  }
  return true;
}

bool BufferPool::grow() noexcept {
  const std::size_t first = slabs_.size() * slab_blocks_;
  if (first >= blocks_max_ || slabs_.size() == kSlabsMax) return false;
  const std::size_t count = std::min(slab_blocks_, blocks_max_ - first);
  Slab slab;
  // Whole huge pages when there is at least half of one to fill.
  std::size_t size = count * block_bytes_;
  if (size >= os::kHugePage / 2) size = (size + os::kHugePage - 1) / os::kHugePage * os::kHugePage;
  if (size > 0) slab.memory = os::Mapping(size);
  slab.blocks.reset(new (std::nothrow) Block[count]);
  starved_ = (size > 0 && slab.memory.data() == nullptr) || slab.blocks == nullptr;
  if (starved_) return false;
  for (std::size_t i = count; i-- > 0;) {
    Block& block = slab.blocks[i];
    block.memory = slab.memory.data() + i * block_bytes_;
    block.pool = this;
    block.index = static_cast<std::uint32_t>(first + i);
    block.next = slab.free;
    slab.free = &block;
  }
  mask_ |= std::uint64_t{1} << slabs_.size();
  slabs_.push_back(std::move(slab));
  return true;
}

void BufferPool::trim() noexcept {
  starved_ = false;
  if (registered_) return;
  for (std::size_t i = 1; i < slabs_.size(); ++i) {  // the first slab is always kept warm
    Slab& slab = slabs_[i];
    if (slab.used > 0 || !slab.resident) continue;
    if (slab.idle_since_trim) {
      slab.memory.discard();
      slab.resident = false;
    }
    slab.idle_since_trim = true;
  }
}

}  // namespace ouro::detail

namespace ouro {

void Buffer::remove_prefix(std::size_t count) noexcept {
  if (block_ == nullptr) return;
  block_->begin += static_cast<std::uint32_t>(std::min<std::size_t>(count, block_->size()));
}

void Buffer::truncate(std::size_t count) noexcept {
  if (block_ == nullptr) return;
  const auto kept = static_cast<std::uint32_t>(std::min<std::size_t>(count, block_->size()));
  block_->end = block_->begin + kept;
}

}  // namespace ouro
