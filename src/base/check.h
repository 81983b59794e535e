// Assertions that stay on in release: a broken invariant ends the process before it can send one
// client's bytes to another. The master respawns it; corrupt data cannot be called back.
#pragma once

namespace ouro {

[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace ouro

#define OURO_CHECK(condition)                               \
  do {                                                      \
    if (!(condition)) [[unlikely]] {                        \
      ::ouro::check_failed(#condition, __FILE__, __LINE__); \
    }                                                       \
  } while (false)
