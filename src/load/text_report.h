// What a run found out, as text: one screen for people, with names at the beginning of each line
// for scripts. docs/load.md explains every line.
#pragma once

#include <string>

#include "load/results.h"

namespace ouro::load {

// Ends with a newline. Each remark is a line that begins with "! ".
[[nodiscard]] std::string text_report(const Results& results);

}  // namespace ouro::load
