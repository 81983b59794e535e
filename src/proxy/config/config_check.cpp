// What can only be said of a config as a whole.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "proxy/config/config_draft.h"
#include "proxy/config/table_reader.h"

namespace ouro::proxy {
namespace {

bool all_have_names(const auto& items) {
  return std::ranges::none_of(items, [](const auto& item) { return item.name.empty(); });
}

std::vector<std::string> names_in(const std::map<std::string, Place>& seen) {
  std::vector<std::string> names;
  names.reserve(seen.size());
  for (const auto& [name, place] : seen) names.push_back(name);
  return names;
}

void check_references(const std::vector<Reference>& references,
                      const std::map<std::string, Place>& there, std::string_view section,
                      ConfigErrors& errors) {
  const std::vector<std::string> names = names_in(there);
  for (const Reference& reference : references) {
    if (there.contains(reference.name)) continue;
    if (errors.full()) return;  // each one looks through all names
    errors.add(reference.place, fmt::format("there is no {} named '{}'{}", section, reference.name,
                                            guess(reference.name, names)));
  }
}

void check_listeners_serve(const Config& config, ConfigErrors& errors) {
  std::set<std::string_view> routed;
  for (const SniRoute& route : config.routes) {
    if (route.listeners.empty()) return;  // it is for all of them
    routed.insert(route.listeners.begin(), route.listeners.end());
  }
  for (const ListenConfig& listen : config.listeners) {
    if (!listen.upstream.empty() || routed.contains(listen.name)) continue;
    errors.add(listen.place,
               "this [[listen]] serves nobody: give it an upstream = \"name\", or a "
               "[[route]]");
  }
}

}  // namespace

void check_together(Draft& draft) {
  // Where a name could not be read, it may be the one that is missed.
  if (all_have_names(draft.config.upstreams)) {
    check_references(draft.to_upstreams, draft.upstream_names, "[[upstream]]", draft.errors);
  }
  if (all_have_names(draft.config.listeners)) {
    check_references(draft.to_listeners, draft.listener_names, "[[listen]]", draft.errors);
  }
  if (draft.routing_is_whole) check_listeners_serve(draft.config, draft.errors);
}

}  // namespace ouro::proxy
