// What machine this is, for reports that are compared with those of others.
#pragma once

#include <string>

namespace ouro::os {

struct Machine {
  std::string kernel;  // uname -r
  std::string cpu;     // its model, or the architecture where the kernel names no model
  unsigned cpus = 0;   // that this process may use
};

[[nodiscard]] Machine this_machine();

}  // namespace ouro::os
