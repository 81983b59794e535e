#include "proxy/names.h"

#include <fmt/format.h>

#include "base/log.h"

namespace ouro::proxy {

Names::Names(Worker& worker, const Shared& shared, Resolver& resolver, Moved moved)
    : worker_(worker), shared_(shared), resolver_(resolver), moved_(std::move(moved)) {}

// A slot belongs to one name as long as that is in the config.
void Names::follow(const Blueprint& blueprint) {
  std::map<Slot, std::unique_ptr<Named>> before = std::move(named_);
  named_.clear();
  for (std::size_t i = 0; i < blueprint.servers.size(); ++i) {
    const UpstreamConfig& upstream = blueprint.config.upstreams[i];
    for (std::size_t j = 0; j < upstream.servers.size(); ++j) {
      const auto name = ServerAddress::parse(upstream.servers[j].address);
      if (!name || name->kind == ServerAddress::Kind::kAddress) continue;
      const Slots& slots = blueprint.servers[i][j];
      auto& named = named_[slots.front()];
      named = std::move(before[slots.front()]);
      const bool is_new = named == nullptr;
      if (is_new) named = std::make_unique<Named>(upstream.name, slots);
      named->source = upstream.source;
      if (is_new) watch(*named, *name);
    }
  }
}

void Names::watch(Named& named, const ServerAddress& name) {
  named.watch = std::make_unique<NameWatch>(
      worker_, resolver_, name, named.upstream,
      [this, &named](const std::vector<NamedPlace>& places) { publish(named, places); });
  named.watch->begin();
}

void Names::publish(const Named& named, std::vector<NamedPlace> wanted) {
  if (named.source) {
    std::erase_if(wanted, [&named](const NamedPlace& place) {
      return place.address.family() != named.source->family();
    });
  }
  std::vector<NamedPlace> slots;
  for (const Slot slot : named.slots)
    slots.push_back(shared_.named_place(slot).value_or(NamedPlace{}));
  const auto is_free = [&](std::size_t index) {
    return shared_.connections_of_server(named.slots[index]) == 0;
  };
  const std::vector<NamedPlace> next = assign_places(slots, wanted, is_free);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (next[i] == slots[i]) continue;
    const bool another = !(next[i].address == slots[i].address);
    if (another) shared_.forget_server(named.slots[i]);
    shared_.publish_place(named.slots[i], next[i]);
    if (!another) continue;
    moved_(named.slots[i], next[i].address);
    const bool came = next[i].address.family() != Address::Family::kNone;
    log::info(came ? "server_came" : "server_went",
              {{"upstream", named.upstream},
               {"address", (came ? next[i] : slots[i]).address.to_string()}});
  }
}

}  // namespace ouro::proxy
