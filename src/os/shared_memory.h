// Memory that a process and the children it forks see alike.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "os/fd.h"
#include "ouro/error.h"

namespace ouro::os {

inline constexpr std::size_t kPage = 4096;

// Owns one mapping, made by the master before it forks; zeroed, aligned to a page. The memory is
// there as long as any of the processes has it.
class SharedMemory {
 public:
  [[nodiscard]] static Result<SharedMemory> create(std::size_t size);
  SharedMemory() noexcept = default;
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// A copy of `bytes` behind a descriptor, for a process that is given it.
[[nodiscard]] Result<Fd> make_shared_bytes(std::string_view bytes);
// What it holds; nothing if it does not hold as many.
[[nodiscard]] std::optional<std::string> read_shared_bytes(int fd, std::size_t size);

}  // namespace ouro::os
