// Plans of studies: what is taken can be run, or is refused with a place and a reason.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "study/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto plan = ouro::study::parse_plan(text, "plan.toml");
  if (!plan) {
    OURO_CHECK(plan.error().what.find("plan.toml") != std::string::npos);
    return 0;
  }
  for (const auto& run : ouro::study::runs_of(*plan)) OURO_CHECK(!run.file_name().empty());
  return 0;
}
