// What a run found out, as a page to look at and pass on: one file that needs no network and no
// script.
#pragma once

#include <string>
#include <string_view>

#include "load/results.h"

namespace ouro::load {

[[nodiscard]] std::string html_report(const Results& results, std::string_view version);

}  // namespace ouro::load
