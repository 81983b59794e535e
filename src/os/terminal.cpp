#include "os/terminal.h"

#include <unistd.h>

namespace ouro::os {

bool error_is_terminal() noexcept { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace ouro::os
