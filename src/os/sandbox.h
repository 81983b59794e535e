// What a process that talks to strangers gives up before it does: rights, files, programs, further
// rings. All of it is for good, and holds for whatever the process starts.
#pragma once

#include <string>
#include <vector>

#include "ouro/error.h"

namespace ouro::os {

struct SandboxProfile {
  bool uring = true;      // it has made its ring and goes on entering it
  bool connects = false;  // it makes connections to others
  bool splices = false;   // it passes bytes on within the kernel
};

// One wall of the sandbox, and whether it stands.
struct SandboxLayer {
  std::string name;  // "landlock": stable, for logs and programs
  bool in_force = false;
  std::string why;  // what it forbids, or why it could not be put up
};

// No capability can come back. Needs root, so it comes before it is given up; without root it does
// nothing, and there is nothing to come back.
void forget_capabilities() noexcept;

// Puts up every wall that the kernel offers, in this thread and those it will start. What fails is
// reported and the rest goes up all the same: whether that is enough is the caller's decision.
[[nodiscard]] std::vector<SandboxLayer> enter_sandbox(const SandboxProfile& profile);

// The same in a child that ends at once, to know what would stand here.
[[nodiscard]] Result<std::vector<SandboxLayer>> try_sandbox();

}  // namespace ouro::os
