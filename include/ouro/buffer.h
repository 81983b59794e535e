// Leases on pool memory. Data arrives in a Buffer; the same Buffer can be sent on without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace ouro {

namespace detail {

class BufferPool;

// Who may touch a block now. Checked at every hand-over: a block given back twice would mix the
// bytes of two connections.
enum class BlockOwner : std::uint8_t { kPool, kKernel, kProgram };

// The record of one piece of pool memory; lives as long as its pool. `next` links it in the free
// list or in one connection's send queue, never both.
struct Block {
  Block* next = nullptr;
  std::byte* memory = nullptr;
  BufferPool* pool = nullptr;
  std::uint32_t begin = 0;  // what is valid: memory[begin, end)
  std::uint32_t end = 0;
  std::uint32_t index = 0;  // within its pool
  BlockOwner owner = BlockOwner::kPool;

  [[nodiscard]] std::uint32_t size() const noexcept { return end - begin; }
  [[nodiscard]] std::byte* data() const noexcept { return memory + begin; }
};

void release(Block* block) noexcept;

}  // namespace detail

// A move-only lease on one block of its worker's pool, given back when it is destroyed. A buffer
// belongs to the worker that made it and never crosses threads. Hold it no longer than needed:
// what is leased is what the next receive cannot use.
class Buffer {
 public:
  Buffer() noexcept = default;
  explicit Buffer(detail::Block* block) noexcept : block_(block) {}
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    if (block_ != nullptr) detail::release(block_);
  }

  [[nodiscard]] std::size_t size() const noexcept { return block_ == nullptr ? 0 : block_->size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    if (block_ == nullptr) return {};
    return {block_->data(), block_->size()};
  }
  // The bytes may be changed in place before they are sent on.
  [[nodiscard]] std::span<std::byte> writable() noexcept {
    if (block_ == nullptr) return {};
    return {block_->data(), block_->size()};
  }
  // Drops bytes from the front or keeps only the first `count`; both are clamped to size().
  void remove_prefix(std::size_t count) noexcept;
  void truncate(std::size_t count) noexcept;

  // For the engine: takes the block out of the lease.
  [[nodiscard]] detail::Block* detach() noexcept { return std::exchange(block_, nullptr); }

 private:
  detail::Block* block_ = nullptr;
};

}  // namespace ouro
