// The system calls that a process leaves itself, as a seccomp filter.
#pragma once

#include "ouro/error.h"

namespace ouro::os {

// Every call that a serving process makes goes through; any other is answered with EPERM, and
// those that only an intruder makes (running a program, looking into another process) end the
// process with SIGSYS. Who `connects` may make sockets of the internet and of Unix, and none else;
// nobody may listen. Who `splices` may make pipes and pass bytes through them. Needs
// no_new_privileges.
[[nodiscard]] Result<void> forbid_system_calls(bool uring, bool connects, bool splices);

}  // namespace ouro::os
