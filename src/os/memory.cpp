#include "os/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

namespace ouro::os {
namespace {

std::byte* map_pages(std::size_t size, int flags) noexcept {
  void* memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

// Maps too much and trims both ends, since mmap itself aligns to 4 KiB only.
std::byte* map_aligned(std::size_t size) noexcept {
  std::byte* wide = map_pages(size + kHugePage, 0);
  if (wide == nullptr) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(wide);
  const std::size_t head = (kHugePage - address % kHugePage) % kHugePage;
  if (head > 0) ::munmap(wide, head);
  ::munmap(wide + head + size, kHugePage - head);
  ::madvise(wide + head, size, MADV_HUGEPAGE);
  return wide + head;
}

}  // namespace

Mapping::Mapping(std::size_t size) noexcept : size_(size) {
  if (size >= kHugePage && size % kHugePage == 0) {
    data_ = map_pages(size, MAP_HUGETLB);  // only if the administrator has reserved some
    if (data_ == nullptr) data_ = map_aligned(size);
  } else {
    data_ = map_pages(size, 0);
  }
  if (data_ == nullptr) size_ = 0;
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void Mapping::discard() noexcept {
  if (data_ != nullptr) ::madvise(data_, size_, MADV_DONTNEED);
}

}  // namespace ouro::os
