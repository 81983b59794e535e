#include "os/shared_memory.h"

#include <sys/mman.h>
#include <unistd.h>

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

Result<Fd> make_shared_bytes(std::string_view bytes) {
  Fd fd(::memfd_create("ouro", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno("cannot make shared memory", errno);
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail_errno("cannot write to shared memory", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return fd;
}

// Mapped, not read: whoever else has it has its place in the file too.
std::optional<std::string> read_shared_bytes(int fd, std::size_t size) {
  if (size == 0) return "";
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return std::nullopt;
  std::string bytes(static_cast<const char*>(memory), size);
  ::munmap(memory, size);
  return bytes;
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
