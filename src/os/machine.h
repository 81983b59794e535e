// What machine this is, for reports that are compared with those of others.
#pragma once

#include <cstdint>
#include <string>

namespace ouro::os {

struct Machine {
  std::string kernel;  // uname -r
  std::string cpu;     // its model, or the architecture where the kernel names no model
  unsigned cpus = 0;   // that this process may use
};

[[nodiscard]] Machine this_machine();
// TCP segments sent again so far, by everybody in this network namespace; 0 where it is not told.
[[nodiscard]] std::uint64_t segments_sent_again();

}  // namespace ouro::os
