#include "proxy/generation.h"

#include <algorithm>

#include "base/check.h"
#include "proxy/config/server_address.h"

namespace ouro::proxy {
namespace {

template <typename T>
T& at(std::vector<T>& places, std::size_t index) {
  if (places.size() <= index) places.resize(index + 1);
  return places[index];
}

Server make_server(const ServerConfig& config, Slot slot) {
  const auto address = ServerAddress::parse(config.address);
  OURO_CHECK(address.has_value());  // read_config() has seen to it
  const bool named = address->kind != ServerAddress::Kind::kAddress;
  return {config, named, slot, {address->address, config.weight, config.backup}};
}

}  // namespace

void Entry::add_route(std::string_view host, Upstream& upstream) {
  if (routes_.add(host, static_cast<std::uint32_t>(by_name_.size()))) by_name_.push_back(&upstream);
}

bool Entry::trusts(const Address& peer) const noexcept {
  return peer.is_unix() || any_contains(listen_.proxy_protocol_from, peer);
}

bool Entry::admits(const Address& client) const noexcept {
  if (any_contains(listen_.deny, client)) return false;
  return listen_.allow.empty() || client.is_unix() || any_contains(listen_.allow, client);
}

Upstream* Entry::upstream_for(std::string_view host) const noexcept {
  const auto found = routes_.find(host);
  return found ? by_name_[*found] : default_;
}

Generation::Generation(Blueprint blueprint, const Shared& shared, const host::Seat& seat)
    : blueprint_(std::move(blueprint)), shared_(shared), worker_(seat.index) {
  for (std::size_t i = 0; i < config().upstreams.size(); ++i) {
    const UpstreamConfig& upstream = config().upstreams[i];
    std::vector<Server> servers;
    servers.reserve(upstream.servers.size());
    for (std::size_t j = 0; j < upstream.servers.size(); ++j) {
      for (const Slot slot : blueprint_.servers[i][j]) {
        servers.push_back(make_server(upstream.servers[j], slot));
      }
    }
    upstreams_.push_back(std::make_unique<Upstream>(upstream, config(), std::move(servers), shared,
                                                    seat.worker, seat.index));
    for (const Slots& slots : blueprint_.servers[i]) {
      for (const Slot slot : slots) at(by_slot_, slot) = upstreams_.back().get();
    }
  }
  make_entries();
  for_each_slot([this](Slot slot) { shared_.keep_server(worker_, slot); });
}

Generation::~Generation() {
  for_each_slot([this](Slot slot) { shared_.let_go_of_server(worker_, slot); });
}

void Generation::for_each_slot(const std::function<void(Slot)>& callee) const {
  for (const std::vector<Slots>& upstream : blueprint_.servers) {
    for (const Slots& server : upstream) std::ranges::for_each(server, callee);
  }
}

void Generation::make_entries() {
  const auto find = [this](const std::string& name) -> Upstream& {
    const auto named = [&](const auto& upstream) { return upstream->config().name == name; };
    const auto found = std::ranges::find_if(upstreams_, named);
    OURO_CHECK(found != upstreams_.end());  // read_config() has seen to it
    return **found;
  };
  for (std::size_t i = 0; i < config().listeners.size(); ++i) {
    const ListenConfig& listen = config().listeners[i];
    auto entry = std::make_unique<Entry>(listen);
    if (!listen.upstream.empty()) entry->set_default(find(listen.upstream));
    for (const SniRoute& route : config().routes) {
      const bool here = route.listeners.empty() ||
                        std::ranges::find(route.listeners, listen.name) != route.listeners.end();
      if (here) entry->add_route(route.host, find(route.upstream));
    }
    at(entries_, blueprint_.listeners[i]) = std::move(entry);
  }
}

const Entry* Generation::entry(host::ListenerId listener) const noexcept {
  return listener < entries_.size() ? entries_[listener].get() : nullptr;
}

Upstream* Generation::upstream_of(Slot server) const noexcept {
  return server < by_slot_.size() ? by_slot_[server] : nullptr;
}

std::vector<Slot> Generation::closing_servers() const {
  std::vector<Slot> closing;
  for (std::size_t i = 0; i < config().upstreams.size(); ++i) {
    if (config().upstreams[i].on_down != OnDown::kClose) continue;
    for (const Slots& slots : blueprint_.servers[i]) {
      closing.insert(closing.end(), slots.begin(), slots.end());
    }
  }
  return closing;
}

}  // namespace ouro::proxy
