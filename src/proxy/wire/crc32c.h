// The checksum of PROXY protocol headers (Castagnoli's polynomial, reflected).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ouro::proxy {

// Bytes are added in as many pieces as there are.
class Crc32c {
 public:
  constexpr void add(std::string_view bytes) noexcept {
    for (const char byte : bytes) {
      state_ = kTable[(state_ ^ static_cast<std::uint8_t>(byte)) & 0xff] ^ (state_ >> 8);
    }
  }
  [[nodiscard]] constexpr std::uint32_t value() const noexcept { return ~state_; }

 private:
  using Table = std::array<std::uint32_t, 256>;

  static constexpr Table make_table() noexcept {
    Table table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) {
        value = (value & 1) != 0 ? value >> 1 ^ 0x82f63b78 : value >> 1;
      }
      table[i] = value;
    }
    return table;
  }

  static const Table kTable;

  std::uint32_t state_ = ~std::uint32_t{0};
};

inline constexpr Crc32c::Table Crc32c::kTable = Crc32c::make_table();

}  // namespace ouro::proxy
