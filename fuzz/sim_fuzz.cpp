// The engine on the simulator, with every decision of kernel, network and peers taken from the
// input: what coverage is to parsers, it is to schedules.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "sim/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  OURO_CHECK(ouro::sim::run_script({data, size}).empty());
  return 0;
}
