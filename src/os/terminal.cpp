#include "os/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace ouro::os {

bool error_is_terminal() noexcept {
  const char* kind = std::getenv("TERM");
  const bool draws = kind != nullptr && std::string_view(kind) != "dumb";
  return draws && ::isatty(STDERR_FILENO) == 1;
}

}  // namespace ouro::os
