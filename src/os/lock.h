// A folder that one process at a time writes to.
#pragma once

#include <string>

#include "os/fd.h"
#include "ouro/error.h"

namespace ouro::os {

// Holds until the descriptor is closed, or the process ends. kAddressInUse when another has it;
// where the file system knows no locks, nobody is kept out.
[[nodiscard]] Result<Fd> lock_folder(const std::string& path);

}  // namespace ouro::os
