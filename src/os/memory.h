// Large pieces of memory straight from the kernel, on huge pages where they can be had.
#pragma once

#include <cstddef>

namespace ouro::os {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Owns one mapping, aligned to kHugePage when it is at least that large. Untouched pages cost
// nothing.
class Mapping {
 public:
  Mapping() noexcept = default;
  // data() is null when the kernel has no memory.
  explicit Mapping(std::size_t size) noexcept;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Gives the pages back; the addresses stay valid and read as zero.
  void discard() noexcept;

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ouro::os
