// What a run found out, as JSON for programs: all of it. docs/load.md explains the schema.
#pragma once

#include <string>
#include <string_view>

#include "load/results.h"

namespace ouro::load {

// One line for each member of the outer object; ends with a newline. Times are nanoseconds.
[[nodiscard]] std::string json_report(const Results& results, std::string_view version);

}  // namespace ouro::load
