#include "proxy/sni_routes.h"

namespace ouro::proxy {

bool SniRoutes::add(std::string_view pattern, std::uint32_t index) {
  const bool wildcard = pattern.starts_with("*.");
  if (wildcard) pattern.remove_prefix(2);
  return (wildcard ? below_ : exact_).emplace(pattern, index).second;
}

std::optional<std::uint32_t> SniRoutes::find(std::string_view host) const noexcept {
  if (const auto found = exact_.find(host); found != exact_.end()) return found->second;
  // The first dot leaves the longest ending.
  while (!below_.empty() && host.contains('.')) {
    host.remove_prefix(host.find('.') + 1);
    if (const auto found = below_.find(host); found != below_.end()) return found->second;
  }
  return default_;
}

}  // namespace ouro::proxy
