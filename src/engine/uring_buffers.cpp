#include "engine/uring_buffers.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/check.h"

namespace ouro::engine {

using detail::Block;
using detail::BlockOwner;

UringBuffers::~UringBuffers() {
  // The ring is closed already; what was lent comes home so that the pool adds up.
  for (std::uint32_t i = 0; lent_ > 0 && i < pool_.blocks_max(); ++i) {
    Block* block = pool_.at(i);
    if (block->owner != BlockOwner::kKernel) continue;
    block->owner = BlockOwner::kProgram;
    pool_.give(block);
    --lent_;
  }
}

Result<void> UringBuffers::register_with(io_uring* ring, std::uint16_t group) {
  constexpr std::uint32_t kEntriesMax = 1024;
  const auto wanted =
      static_cast<std::uint32_t>(std::min<std::size_t>(pool_.blocks_max(), kEntriesMax));
  entries_ = std::bit_ceil(wanted);
  int error = 0;
  // The ring of addresses itself (16 bytes a block) stays with the process until it ends.
  lending_ = io_uring_setup_buf_ring(ring, entries_, group, 0, &error);
  if (lending_ == nullptr) return fail_errno("cannot register receive buffers", -error);
  if (!pool_.prepare()) return fail(Errc::kNoMemory, "no memory for receive buffers");
  group_ = group;
  hot_max_ = wanted;
  want(kLentMin);
  return {};
}

Result<void> UringBuffers::register_memory(io_uring* ring) {
  if (!pool_.fill()) return fail(Errc::kNoMemory, "no memory for zero-copy buffers");
  std::vector<iovec> slabs;
  slabs.reserve(pool_.slab_count());
  for (std::size_t i = 0; i < pool_.slab_count(); ++i) {
    slabs.push_back({pool_.slab_memory(i).data(), pool_.slab_memory(i).size()});
  }
  const int result =
      io_uring_register_buffers(ring, slabs.data(), static_cast<unsigned>(slabs.size()));
  if (result < 0) {
    return fail_errno("cannot register zero-copy buffers (see ulimit -l)", -result);
  }
  pool_.set_registered();
  return {};
}

void UringBuffers::want(std::uint32_t blocks) noexcept {
  const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(entries_, pool_.blocks_max()));
  lent_wanted_ = std::min(std::max(blocks, kLentMin), most);
}

void UringBuffers::refill() noexcept {
  if (taken_in_turn_ > 0) {
    taken_peak_ = std::max(taken_peak_, taken_in_turn_);
    // A turn of a few small messages says little: what is lent for it could not be taken back.
    filled_ = std::max(bytes_in_turn_ / taken_in_turn_, filled_ - filled_ / kForgetting);
    const std::size_t hot =
        filled_ <= ReceivePolicy::kSmallMessage ? kHotOfMessages : kHotOfStreams;
    hot_max_ = static_cast<std::uint32_t>(hot / (filled_ + 1));
    want(std::max(taken_in_turn_ * 2, lent_wanted_));
  }
  taken_in_turn_ = 0;
  bytes_in_turn_ = 0;
  int added = 0;
  const std::uint32_t target = to_be_lent();
  for (; lent_ < target; ++lent_, ++added) {
    Block* block = pool_.take();
    if (block == nullptr) break;
    block->owner = BlockOwner::kKernel;
    io_uring_buf_ring_add(lending_, block->memory, static_cast<unsigned>(pool_.block_bytes()),
                          BufferId(group_, block->index).raw(), io_uring_buf_ring_mask(entries_),
                          added);
  }
  if (added > 0) io_uring_buf_ring_advance(lending_, added);
}

Block* UringBuffers::filled(std::uint32_t index, std::uint32_t bytes) noexcept {
  OURO_CHECK(index < pool_.blocks_max() && bytes <= pool_.block_bytes());
  Block* block = pool_.at(index);
  OURO_CHECK(block->owner == BlockOwner::kKernel);
  block->owner = BlockOwner::kProgram;
  block->begin = 0;
  block->end = bytes;
  --lent_;
  ++taken_in_turn_;
  bytes_in_turn_ += bytes;
  return block;
}

void UringBuffers::ran_dry() noexcept { want(lent_wanted_ * 2); }

// Buffers already lent stay lent until they are used; only new ones are held back.
void UringBuffers::trim() noexcept {
  const std::uint32_t needed = std::max(taken_peak_ * 2, kLentMin);
  lent_wanted_ = std::min(lent_wanted_, std::max(needed, lent_wanted_ / 2));
  taken_peak_ = 0;
  pool_.trim();
}

}  // namespace ouro::engine
