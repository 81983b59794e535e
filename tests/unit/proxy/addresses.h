// Addresses and bytes, short to write.
#pragma once

#include <string>
#include <string_view>

#include "ouro/address.h"

namespace ouro::proxy {

inline Address at(std::string_view text) { return *Address::parse(text); }

// A literal with all its bytes, zeros too.
template <std::size_t N>
std::string bytes(const char (&literal)[N]) {
  return {literal, N - 1};
}

inline std::string big_endian(std::size_t value, int count) {
  std::string text;
  while (count-- > 0) text += static_cast<char>(value >> (8 * count) & 0xff);
  return text;
}

}  // namespace ouro::proxy
