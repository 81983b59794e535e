// The terminal that a person may be sitting at.
#pragma once

namespace ouro::os {

// Whether what is written to standard error is seen by a person at once, and may be drawn over.
[[nodiscard]] bool error_is_terminal() noexcept;

}  // namespace ouro::os
