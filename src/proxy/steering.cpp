#include "proxy/steering.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "base/nearest.h"
#include "base/time_text.h"
#include "os/clock.h"
#include "proxy/config/server_address.h"

namespace ouro::proxy {
namespace {

using Json = nlohmann::ordered_json;

// Raised when a member changes its meaning or goes; new ones may come without.
constexpr int kSchemaVersion = 1;
// Of those an address may mean.
constexpr std::size_t kCandidatesMost = 8;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::uint64_t since_ns(const ServerState& state) {
  if (state.draining.load()) return state.draining_since_ns.load();
  const bool up = state.health.load() == Health::kUp;
  return (up ? state.up_since_ns : state.down_since_ns).load();
}

// As Upstream has it: of a service, the DNS says how much, unless the config says none.
NamedPlace place_of(const SteeredServer& server, Slot slot, const Shared& shared) {
  NamedPlace place = shared.named_place(slot).value_or(NamedPlace{});
  if (!server.named || place.weight == 0 || server.config.weight == 0) {
    place.weight = server.config.weight;
  }
  place.backup = place.backup || server.config.backup;
  return place;
}

Json row(const SteeredServer& server, const std::string& address, std::string_view state,
         const NamedPlace& place, std::uint64_t connections, const Json& since) {
  return {{"name", server.name},        {"upstream", server.upstream},
          {"address", address},         {"state", state},
          {"backup", place.backup},     {"weight", place.weight},
          {"connections", connections}, {"since", since}};
}

void append_rows(Json& rows, const SteeredServer& server, const Shared& shared,
                 std::uint64_t now_ns, std::uint64_t to_wall_ns) {
  const auto wall_time = [to_wall_ns](std::uint64_t then_ns) -> Json {
    return then_ns == 0 ? Json(nullptr) : Json(time_text((then_ns + to_wall_ns) / 1'000'000));
  };
  bool any = false;
  for (const Slot slot : server.slots) {
    const ServerState& state = shared.server(slot);
    const std::uint64_t connections = shared.connections_of_server(slot);
    const NamedPlace place = place_of(server, slot, shared);
    const bool there = !server.named || place.address.family() != Address::Family::kNone;
    if (!there && connections == 0) continue;
    any = true;
    const std::string address = server.named ? place.address.to_string() : server.config.address;
    rows.push_back(row(server, there ? address : "", state_word(state, there, connections, now_ns),
                       place, connections, wall_time(since_ns(state))));
  }
  if (any) return;
  const Slot first = server.slots.front();
  const ServerState& state = shared.server(first);
  rows.push_back(row(server, "", state_word(state, false, 0, now_ns),
                     place_of(server, first, shared), 0, nullptr));
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kCandidatesMost); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kCandidatesMost) {
    text += fmt::format(" and {} more", names.size() - kCandidatesMost);
  }
  return text;
}

}  // namespace

std::vector<SteeredServer> steered_servers(const Blueprint& blueprint) {
  std::vector<SteeredServer> servers;
  for (std::size_t i = 0; i < blueprint.servers.size(); ++i) {
    const UpstreamConfig& upstream = blueprint.config.upstreams[i];
    for (std::size_t j = 0; j < blueprint.servers[i].size(); ++j) {
      const ServerConfig& server = upstream.servers[j];
      const auto parsed = ServerAddress::parse(server.address);
      const bool named = parsed && parsed->kind != ServerAddress::Kind::kAddress;
      servers.push_back({upstream.name + '/' + server.address, upstream.name, server, named,
                         blueprint.servers[i][j]});
    }
  }
  return servers;
}

std::expected<std::size_t, std::string> find_server(std::span<const SteeredServer> servers,
                                                    std::string_view asked) {
  std::vector<std::string> known;
  std::vector<std::string> meant;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].name == asked) return i;
    known.push_back(servers[i].name);
    known.push_back(servers[i].config.address);
    if (servers[i].config.address != asked) continue;
    meant.push_back(servers[i].name);
    found = i;
  }
  if (meant.size() == 1) return *found;
  if (!meant.empty()) {
    return std::unexpected(fmt::format("'{}' may be {}", asked, listed(meant)));
  }
  const std::string guess = nearest(asked, known);
  return std::unexpected(fmt::format("there is no server '{}'{}", asked,
                                     guess.empty() ? "" : "; did you mean " + guess + "?"));
}

std::string_view state_word(const ServerState& state, bool there, std::uint64_t connections,
                            std::uint64_t now_ns) {
  if (state.draining.load()) return connections > 0 ? "draining" : "drained";
  if (!there) return "none";
  if (state.health.load() == Health::kDown) return "down";
  return state.ejected_until_ns.load() > now_ns ? "ejected" : "up";
}

Steering::Steering(Worker& worker, const Shared& shared)
    : worker_(worker), shared_(shared), to_wall_ns_(unix_ms_now() * 1'000'000 - os::now_ns()) {}

std::string Steering::servers_json() const {
  Json rows = Json::array();
  for (const SteeredServer& server : servers_) {
    append_rows(rows, server, shared_, worker_.now_ns(), to_wall_ns_);
  }
  return dump({{"schema", kSchemaVersion}, {"servers", std::move(rows)}});
}

std::expected<std::string, std::vector<std::string>> Steering::set_draining(std::string_view asked,
                                                                            bool draining) {
  const auto found = find_server(servers_, asked);
  if (!found) return std::unexpected(std::vector{found.error()});
  const SteeredServer& server = servers_[*found];
  const bool changed = shared_.server(server.slots.front()).draining.load() != draining;
  if (changed) {
    for (const Slot slot : server.slots) shared_.set_draining(slot, draining, worker_.now_ns());
    log::info(draining ? "server_draining" : "server_ready",
              {{"upstream", server.upstream}, {"address", server.config.address}});
  }
  return dump({{"outcome", "done"}, {"server", server.name}, {"changed", changed}});
}

}  // namespace ouro::proxy
