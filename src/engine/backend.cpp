#include "engine/backend.h"

#include "os/clock.h"
#include "os/socket.h"

namespace ouro::engine {

std::uint64_t Backend::now_ns() noexcept { return os::now_ns(); }

// Fixed files have no descriptor to call these on; their closing sends the FIN.
void Backend::shutdown_write(File file) noexcept {
  if (!file.direct) os::shutdown_write(file.number);
}

void Backend::reset_on_close(File file) noexcept {
  if (!file.direct) os::reset_on_close(file.number);
}

std::size_t Backend::unread_bytes(File file) noexcept {
  return file.direct ? 0 : os::unread_bytes(file.number);
}

std::size_t Backend::unacknowledged_bytes(File file) noexcept {
  return file.direct ? 0 : os::unacknowledged_bytes(file.number);
}

Address Backend::local_address(File file) noexcept {
  return file.direct ? Address{} : os::local_address(file.number);
}

Address Backend::peer_address(File file) noexcept {
  return file.direct ? Address{} : os::peer_address(file.number);
}

}  // namespace ouro::engine
