// Names to addresses, by the system's resolver. Waits as long as that does: not for a server.
#pragma once

#include <cstdint>
#include <string>

#include "ouro/address.h"

namespace ouro::os {

// The first address the system would try for `host`.
[[nodiscard]] Result<Address> resolve(const std::string& host, std::uint16_t port);

}  // namespace ouro::os
