// Where log lines go: stderr, written so that no process ever waits for whoever reads it.
#pragma once

#include "base/log.h"

namespace ouro::os {

// A pipe or socket that is full, a terminal that is held: false, at once. Only a
// regular file may take the time a write takes. What stderr is it looks at now, once for all
// processes to come: they may be shut off from asking.
[[nodiscard]] log::Sink log_sink() noexcept;

}  // namespace ouro::os
