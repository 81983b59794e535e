// Slots with stable addresses, small numbers and generations. A generation changes at each reuse,
// so that a name for a former occupant is recognised as stale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "base/check.h"

namespace ouro {

inline constexpr std::uint32_t kGenerationMask = (1u << 24) - 1;

// `T` is constructed by allocate() and destroyed by free(). Grows by chunks, keeps its memory:
// the bound is the caller's limit on elements. The last freed slot is the next to be used (hot).
template <typename T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { OURO_CHECK(used_ == 0); }

  template <typename... Arguments>
  T* allocate(std::uint32_t* number, Arguments&&... arguments) {
    if (free_ == kNone) grow();
    const std::uint32_t slot_number = free_;
    Slot& slot = at(slot_number);
    free_ = slot.next_free;
    slot.used = true;
    ++used_;
    *number = slot_number;
    return new (slot.memory) T(std::forward<Arguments>(arguments)...);
  }

  void free(std::uint32_t number) noexcept {
    Slot& slot = at(number);
    OURO_CHECK(slot.used);
    slot.element()->~T();
    slot.used = false;
    slot.generation = (slot.generation + 1) & kGenerationMask;
    slot.next_free = free_;
    free_ = number;
    --used_;
  }

  // Null if the slot is free or was reused since.
  [[nodiscard]] T* find(std::uint32_t number, std::uint32_t generation) noexcept {
    if (number >= chunks_.size() * kChunk) return nullptr;
    Slot& slot = at(number);
    return slot.used && slot.generation == generation ? slot.element() : nullptr;
  }

  [[nodiscard]] std::uint32_t generation(std::uint32_t number) const noexcept {
    return chunks_[number / kChunk][number % kChunk].generation;
  }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

  // Calls for each occupied slot. The callee may free the element it is given, and allocate.
  template <typename Callee>
  void for_each(Callee&& callee) {
    for (std::uint32_t number = 0; number < chunks_.size() * kChunk; ++number) {
      Slot& slot = at(number);
      if (slot.used) callee(*slot.element());
    }
  }

  // The same for the occupied ones among `count` slots from `first` on. Gives the one to go on
  // with: the first of all after the last.
  template <typename Callee>
  std::uint32_t for_some(std::uint32_t first, std::uint32_t count, Callee&& callee) {
    const auto all = static_cast<std::uint32_t>(chunks_.size()) * kChunk;
    std::uint32_t number = first;
    for (; count > 0 && number < all; ++number, --count) {
      Slot& slot = at(number);
      if (slot.used) callee(*slot.element());
    }
    return number < all ? number : 0;
  }

 private:
  static constexpr std::uint32_t kChunk = 64;
  static constexpr std::uint32_t kNone = ~0u;

  struct Slot {
    alignas(T) std::byte memory[sizeof(T)];
    std::uint32_t generation = 0;
    std::uint32_t next_free = kNone;
    bool used = false;
    T* element() noexcept { return std::launder(reinterpret_cast<T*>(memory)); }
  };

  Slot& at(std::uint32_t number) noexcept { return chunks_[number / kChunk][number % kChunk]; }

  void grow() {
    const auto first = static_cast<std::uint32_t>(chunks_.size()) * kChunk;
    chunks_.push_back(std::make_unique<Slot[]>(kChunk));
    for (std::uint32_t i = kChunk; i-- > 0;) {
      chunks_.back()[i].next_free = free_;
      free_ = first + i;
    }
  }

  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::uint32_t free_ = kNone;
  std::size_t used_ = 0;
};

}  // namespace ouro
