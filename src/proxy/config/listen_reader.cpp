// Listeners, and routes from them to upstreams.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/config_draft.h"
#include "proxy/config/server_address.h"
#include "proxy/config/table_reader.h"

namespace ouro::proxy {
namespace {

void refer(TableReader& reader, std::string_view key, const std::string& name, ConfigErrors& errors,
           std::vector<Reference>& references) {
  if (!name.empty()) references.push_back({errors.place_of(*reader.find(key)), name});
}

// Whether it has an address of its own.
bool read_address(TableReader& reader, ListenConfig& listen, Draft& draft) {
  reader.require("address", "\"0.0.0.0:443\"");
  std::string text;
  reader.text("address", text);
  if (text.empty()) return false;
  if (text.starts_with(':') || text.starts_with("*:")) {
    reader.refuse("address",
                  fmt::format("address: '{}' has no IP address; 0.0.0.0{} is all of "
                              "IPv4, [::]{} all of IPv6",
                              text, text.substr(text.find(':')), text.substr(text.find(':'))));
    return false;
  }
  const auto address = Address::parse(text);
  if (!address) {
    reader.refuse("address", "address: " + address.error().what);
    return false;
  }
  listen.address = *address;
  return claim_address(reader, *address, draft);
}

void read_name(TableReader& reader, bool has_own_address, ListenConfig& listen, Draft& draft) {
  reader.text("name", listen.name);
  const bool placed = listen.address.family() != Address::Family::kNone;
  if (placed && !reader.has("name")) listen.name = listen.address.to_string();
  if (listen.name.empty()) return;
  // That an address is there twice has been said, and port 0 may be.
  const bool own = reader.has("name") || has_own_address;
  const auto before = seen_before(draft.listener_names, listen.name, listen.place);
  if (before && own) {
    reader.refuse("name", fmt::format("'{}' is the name of the [[listen]] at {} already",
                                      listen.name, to_string(*before)));
  }
}

// Whether the key is there, and not as an empty list.
bool has_some(const TableReader& reader, std::string_view key) {
  const Node* node = reader.find(key);
  const auto* elements = node != nullptr ? node->as<Elements>() : nullptr;
  return node != nullptr && (elements == nullptr || !elements->empty());
}

void read_proxy_protocol(TableReader& reader, ListenConfig& listen) {
  reader.choice("proxy_protocol", listen.proxy_protocol);
  reader.networks("proxy_protocol_from", listen.proxy_protocol_from);
  const bool told = has_some(reader, "proxy_protocol_from");
  const bool required = listen.proxy_protocol == ProxyHeaderIn::kRequired;
  if (required && !told && !listen.address.is_unix()) {
    reader.refuse(
        "proxy_protocol",
        "proxy_protocol = \"required\" needs to be told who may send such a header: "
        "proxy_protocol_from = [\"10.0.0.0/8\"], the addresses of the balancers in front");
  } else if (told && !reader.has("proxy_protocol")) {
    reader.refuse("proxy_protocol_from",
                  "proxy_protocol_from is of no use without proxy_protocol = \"required\"");
  }
}

void check_unix(TableReader& reader, const ListenConfig& listen) {
  if (!listen.address.is_unix()) return;
  for (const std::string_view key : {"proxy_protocol_from", "allow", "deny"}) {
    if (!has_some(reader, key)) continue;
    reader.refuse(key, fmt::format("{} goes by IP addresses, which those who connect to a Unix "
                                   "socket do not have; its folder's permissions say who may",
                                   key));
  }
}

// "example.com" or "*.example.com".
Result<std::string> parse_sni(const std::string& text) {
  const bool wild = text.starts_with("*.");
  const std::string name = in_small_letters(wild ? text.substr(2) : text);
  if (text == "*") {
    return fail(Errc::kInvalid,
                "sni: what no route takes goes to the listener's own upstream; "
                "write it there instead of \"*\"");
  }
  if (!is_host_name(name) || name.ends_with('.')) {
    return fail(Errc::kInvalid,
                "sni: '" + text + "' is not a host name; try example.com or *.example.com");
  }
  return wild ? "*." + name : name;
}

// Where the host is routed already at one of these listeners.
std::optional<Place> routed_before(RoutedHost& host, const SniRoute& route) {
  std::optional<Place> before = host.everywhere;
  if (route.listeners.empty()) {
    if (!before && !host.listeners.empty()) before = host.listeners.begin()->second;
    host.everywhere = route.place;
  }
  for (const std::string& listener : route.listeners) {
    const auto same = seen_before(host.listeners, listener, route.place);
    if (!before) before = same;
  }
  return before;
}

// What is routed at very many listeners by their names is better routed at all of them.
bool is_too_much(const SniRoute& route, Draft& draft) {
  constexpr std::size_t kRoutedMost = 100'000;
  const bool said = draft.routed > kRoutedMost;
  draft.routed += route.listeners.size();
  if (draft.routed <= kRoutedMost) return false;
  if (!said) {
    draft.errors.add(route.place,
                     fmt::format("there are more than {} pairs of a name and a listener in routes; "
                                 "without 'listen' a route is for all listeners",
                                 kRoutedMost));
  }
  return true;
}

void add_route(const PlacedText& placed, const SniRoute& like, Draft& draft) {
  const auto host = parse_sni(placed.text);
  if (!host) {
    draft.errors.add(*placed.node, host.error().what);
    return;
  }
  SniRoute route = like;
  route.host = *host;
  route.place = draft.errors.place_of(*placed.node);
  if (is_too_much(route, draft)) return;
  if (const auto before = routed_before(draft.hosts[route.host], route)) {
    draft.errors.add(route.place,
                     fmt::format("'{}' is routed at {} already", route.host, to_string(*before)));
  }
  const auto most = static_cast<std::size_t>(config_key(Section::kFile, "route").most);
  if (draft.config.routes.size() == most) {
    draft.errors.add(route.place, fmt::format("there are more than {} names in routes", most));
  }
  if (draft.config.routes.size() <= most) draft.config.routes.push_back(std::move(route));
}

}  // namespace

void read_listen(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kListen, draft.errors);
  ListenConfig listen;
  listen.place = draft.errors.place_of(table);
  const bool has_own_address = read_address(reader, listen, draft);
  read_name(reader, has_own_address, listen, draft);
  if (reader.says("protocol", "http")) {
    reader.refuse("protocol",
                  "this version speaks tcp only: HTTP passes as it is, unread; "
                  "write protocol = \"tcp\"");
  } else {
    reader.choice("protocol", listen.protocol);
  }
  reader.text("upstream", listen.upstream);
  refer(reader, "upstream", listen.upstream, draft.errors, draft.to_upstreams);
  reader.number("max_connections", listen.max_connections);
  reader.number("backlog", listen.backlog);
  read_proxy_protocol(reader, listen);
  reader.networks("allow", listen.allow);
  reader.networks("deny", listen.deny);
  check_unix(reader, listen);
  draft.config.listeners.push_back(std::move(listen));
}

void read_route(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kRoute, draft.errors);
  SniRoute route;
  reader.require("sni", "\"example.com\"");
  reader.require("upstream", "\"web\"");
  reader.text("upstream", route.upstream);
  refer(reader, "upstream", route.upstream, draft.errors, draft.to_upstreams);
  for (const PlacedText& listener : reader.texts("listen")) {
    if (std::ranges::find(route.listeners, listener.text) != route.listeners.end()) {
      draft.errors.add(*listener.node, fmt::format("'{}' is there twice", listener.text));
    } else {
      route.listeners.push_back(listener.text);
      draft.to_listeners.push_back({draft.errors.place_of(*listener.node), listener.text});
    }
  }
  for (const PlacedText& host : reader.texts("sni")) add_route(host, route, draft);
}

}  // namespace ouro::proxy
