// Wakes a loop from another thread or from a signal handler (an eventfd).
#pragma once

#include "os/fd.h"

namespace ouro::os {

class Wakeup {
 public:
  Wakeup() noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void signal() noexcept;  // safe in signal handlers
  void clear() noexcept;

 private:
  Fd fd_;
};

}  // namespace ouro::os
