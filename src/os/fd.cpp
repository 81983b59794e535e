#include "os/fd.h"

#include <unistd.h>

namespace ouro::os {

void Fd::reset() noexcept {
  // No retry on EINTR: Linux has closed the descriptor even then.
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

}  // namespace ouro::os
