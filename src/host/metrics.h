// The metrics page, as Prometheus reads it, made from the shared pages. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "host/shared_pages.h"

namespace ouro::host {

// What does not change while the server runs.
struct ServerInfo {
  std::string name;  // "echo"
  std::string version;
  std::uint64_t max_connections = 0;  // 0: no limit
};

[[nodiscard]] std::string metrics_text(const ServerInfo& info, const SharedPages& pages,
                                       std::uint64_t now_ns);

// Whether a load balancer should send connections here.
[[nodiscard]] bool is_healthy(const SharedPages& pages) noexcept;

}  // namespace ouro::host
