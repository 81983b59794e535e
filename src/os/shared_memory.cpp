#include "os/shared_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace ouro::os {

Result<SharedMemory> SharedMemory::create(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_errno("cannot map shared memory", errno);
  SharedMemory shared;
  shared.data_ = static_cast<std::byte*>(memory);
  shared.size_ = size;
  return shared;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace ouro::os
