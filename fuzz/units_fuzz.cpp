// Sizes and times as users write them: what is taken is written as it would be taken again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/units.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = ouro::parse_size(text)) {
    OURO_CHECK(ouro::parse_size(ouro::format_size(*bytes)));
  }
  if (const auto time = ouro::parse_duration(text)) {
    OURO_CHECK(ouro::parse_duration(ouro::format_duration(*time)));
  }
  return 0;
}
