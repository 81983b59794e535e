// What the metrics page says of listeners, servers and how sessions ended.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/blueprint.h"

namespace ouro::proxy {

void append_metrics(std::string& page, const Blueprint& blueprint, const Shared& shared,
                    std::uint64_t now_ns);

}  // namespace ouro::proxy
