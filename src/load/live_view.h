// What is shown on a terminal while a run goes on: a few lines that are drawn over each other.
#pragma once

#include <string>

#include "load/run.h"

namespace ouro::load {

class LiveView {
 public:
  explicit LiveView(const LoadOptions& options) : options_(options) {}

  // What to write to the terminal now; empty if nothing has changed.
  [[nodiscard]] std::string draw(const Progress& progress);
  // Takes the lines away again.
  [[nodiscard]] std::string erase();

 private:
  const LoadOptions& options_;
  int lines_ = 0;  // on the screen
  std::string last_;
};

// The shares of many connections in a bar of `width` characters, slowest to the left; a full block
// is the largest share.
[[nodiscard]] std::string share_bar(const std::vector<double>& ascending, std::size_t width);

}  // namespace ouro::load
