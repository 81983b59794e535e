# Makes ${PROJECT_BINARY_DIR}/builtin_plans.cpp from plans/*.toml, so that an installed `ouro study`
# needs no file beside it. Made anew when a plan changes.
file(GLOB OURO_PLANS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/plans/*.toml")
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${OURO_PLANS})

set(OURO_BUILTIN_PLANS "${PROJECT_BINARY_DIR}/builtin_plans.cpp")
set(entries "")
foreach(plan IN LISTS OURO_PLANS)
  get_filename_component(name "${plan}" NAME_WE)
  file(READ "${plan}" text)
  string(APPEND entries "  if (name == \"${name}\") return R\"plan(${text})plan\";\n")
endforeach()
file(CONFIGURE OUTPUT "${OURO_BUILTIN_PLANS}" @ONLY CONTENT [[// From plans/*.toml, by CMake.
#include "study/plan.h"

namespace ouro::study {

std::optional<std::string_view> builtin_plan(std::string_view name) noexcept {
@entries@  return std::nullopt;
}

}  // namespace ouro::study
]])
