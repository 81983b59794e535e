// Of ASCII, whatever the locale.
#pragma once

namespace ouro {

[[nodiscard]] constexpr bool is_digit(char letter) noexcept {
  return letter >= '0' && letter <= '9';
}

[[nodiscard]] constexpr bool is_control(char letter) noexcept {
  return static_cast<unsigned char>(letter) < ' ' || letter == 0x7f;
}

}  // namespace ouro
