#include "proxy/access/record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

namespace ouro::proxy {
namespace {

static_assert(std::is_trivially_copyable_v<SessionEnd>);

class Packer {
 public:
  explicit Packer(std::span<std::byte> into) noexcept : into_(into) {}

  void append(const void* from, std::size_t size) noexcept {
    std::memcpy(into_.data() + used_, from, size);
    used_ += size;
  }
  // With its length before it.
  void append_text(const void* from, std::size_t size) noexcept {
    const auto length = static_cast<std::uint8_t>(
        std::min({size, into_.size() - used_ - 1, std::size_t{UINT8_MAX}}));
    append(&length, 1);
    if (length > 0) append(from, length);
  }
  void append(std::string_view text) noexcept { append_text(text.data(), text.size()); }
  void append(const Address& address) noexcept { append_text(address.raw(), address.raw_size()); }
  [[nodiscard]] std::span<const std::byte> done() const noexcept { return into_.first(used_); }

 private:
  std::span<std::byte> into_;
  std::size_t used_ = 0;
};

class Unpacker {
 public:
  explicit Unpacker(std::span<const std::byte> left) noexcept : left_(left) {}

  [[nodiscard]] bool take(void* into, std::size_t size) noexcept {
    if (left_.size() < size) return false;
    std::memcpy(into, left_.data(), size);
    left_ = left_.subspan(size);
    return true;
  }
  [[nodiscard]] bool take(std::string_view& text) noexcept {
    std::uint8_t length = 0;
    if (!take(&length, 1) || left_.size() < length) return false;
    text = {reinterpret_cast<const char*>(left_.data()), length};
    left_ = left_.subspan(length);
    return true;
  }
  // Copied first: nothing says that it is aligned here as the system wants it.
  [[nodiscard]] bool take(Address& address) noexcept {
    std::string_view raw;
    if (!take(raw)) return false;
    alignas(8) std::array<char, UINT8_MAX> aligned{};
    std::ranges::copy(raw, aligned.begin());
    address = raw.empty() ? Address{}
                          : Address::from_raw(reinterpret_cast<const sockaddr*>(aligned.data()),
                                              raw.size());
    return true;
  }

 private:
  std::span<const std::byte> left_;
};

}  // namespace

std::span<const std::byte> pack(const AccessRecord& record, std::span<std::byte> into) noexcept {
  Packer packer(into);
  packer.append(&record.end, sizeof(record.end));
  packer.append(record.client);
  packer.append(record.server);
  packer.append(record.listener);
  packer.append(record.upstream);
  packer.append(record.host);
  return packer.done();
}

std::optional<AccessRecord> unpack(std::span<const std::byte> bytes) noexcept {
  Unpacker unpacker(bytes);
  AccessRecord record;
  const bool whole = unpacker.take(&record.end, sizeof(record.end)) &&
                     unpacker.take(record.client) && unpacker.take(record.server) &&
                     unpacker.take(record.listener) && unpacker.take(record.upstream) &&
                     unpacker.take(record.host);
  return whole ? std::optional(record) : std::nullopt;
}

}  // namespace ouro::proxy
