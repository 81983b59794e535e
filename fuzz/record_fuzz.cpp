// Records of runs, which a study reads again when it goes on.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "study/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ouro::study::read_record(text);
  return 0;
}
