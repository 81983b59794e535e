// A study's rates as bars, with the quartiles as whiskers.
#pragma once

#include <string>
#include <vector>

#include "study/analysis.h"

namespace ouro::study {

struct Chart {
  std::string title;
  std::string svg;  // to stand in a page

  // As a picture of its own, for whatever shows SVG.
  [[nodiscard]] std::string file() const;
  [[nodiscard]] std::string file_name() const;
};

// Workloads that differ only in their number of connections stand in one chart.
[[nodiscard]] std::vector<Chart> charts(const Analysis& analysis);

}  // namespace ouro::study
