// Numbers as networks write them: the highest byte first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ouro::proxy {

[[nodiscard]] constexpr std::uint8_t read_u8(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint8_t>(bytes[at]);
}

[[nodiscard]] constexpr std::uint16_t read_u16(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(read_u8(bytes, at) << 8 | read_u8(bytes, at + 1));
}

[[nodiscard]] constexpr std::uint32_t read_u32(std::string_view bytes, std::size_t at) noexcept {
  return std::uint32_t{read_u16(bytes, at)} << 16 | read_u16(bytes, at + 2);
}

}  // namespace ouro::proxy
