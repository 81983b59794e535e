// Landlock: a process takes away from itself what its user may do with files, ports and signals.
#pragma once

#include "ouro/error.h"

namespace ouro::os {

// No file by its path, no TCP port to bind or to connect to (Linux 6.7) unless it `connects`, no
// signal to a process outside (6.12). Needs no_new_privileges. Gives the version of the interface
// that the kernel has.
[[nodiscard]] Result<int> forbid_files_ports_signals(bool connects);

}  // namespace ouro::os
