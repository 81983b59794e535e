// Signals that a program doing network input and output must not die of.
#pragma once

namespace ouro::os {

// Writing to a connection that the peer has cut must be an error, not a signal. MSG_NOSIGNAL does
// not exist for write(2); an embedding program's own SIGPIPE handler is left in place.
void ignore_broken_pipes() noexcept;

}  // namespace ouro::os
