// Upstreams and their servers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "proxy/config/config_draft.h"
#include "proxy/config/server_address.h"
#include "proxy/config/table_reader.h"

namespace ouro::proxy {
namespace {

std::string_view name_of(Address::Family family) {
  switch (family) {
    case Address::Family::kIpv4:
      return "IPv4";
    case Address::Family::kIpv6:
      return "IPv6";
    default:
      return "a Unix socket";
  }
}

// "10.0.0.5", "2001:db8::5", either with port 0.
Result<Address> parse_source(const std::string& text) {
  for (const std::string& form : {text, text + ":0", "[" + text + "]:0"}) {
    const auto address = Address::parse(form);
    if (!address || address->is_unix()) continue;
    if (address->port() == 0) return *address;
    return fail(Errc::kInvalid, "source: one port is enough for one connection; write source = \"" +
                                    text.substr(0, text.rfind(':')) +
                                    "\" and a range in source_ports");
  }
  return fail(Errc::kInvalid, "source: '" + text + "' is not an IP address; try 10.0.0.5");
}

void read_source(TableReader& reader, UpstreamConfig& upstream) {
  std::string text;
  reader.text("source", text);
  if (text.empty()) return;
  const auto source = parse_source(text);
  if (source) upstream.source = *source;
  if (!source) reader.refuse("source", source.error().what);
}

// "20000-29999".
void read_source_ports(TableReader& reader, UpstreamConfig& upstream) {
  std::string text;
  reader.text("source_ports", text);
  if (text.empty()) return;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  const char* end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, first);
  const bool begun = error == std::errc{} && dash != end && *dash == '-';
  const auto [stop, rest] = std::from_chars(begun ? dash + 1 : end, end, last);
  if (!begun || rest != std::errc{} || stop != end || first == 0 || first > last) {
    reader.refuse("source_ports", fmt::format("'source_ports' is a range within 1 to 65535, such "
                                              "as \"20000-29999\", not '{}'",
                                              text));
    return;
  }
  upstream.source_port_first = first;
  upstream.source_port_last = last;
}

// Reads the servers of one upstream.
class ServersReader {
 public:
  ServersReader(UpstreamConfig& upstream, Draft& draft) : upstream_(upstream), draft_(draft) {}

  void read(TableReader& reader) {
    const Node* node = reader.find("servers");
    const auto* elements = node != nullptr ? node->as<Elements>() : nullptr;
    if (node != nullptr && node->refused) return;
    if (node != nullptr && elements == nullptr) {
      draft_.errors.add(*node, "write servers = [ ... ], even if there is only one");
    } else if (elements == nullptr || elements->empty()) {
      reader.refuse("servers", fmt::format("the upstream '{}' has no servers; write servers = "
                                           "[\"10.0.0.1:80\"]",
                                           upstream_.name));
    } else {
      for (const Node& element : *elements) read_one(element);
      check_weights(*node);
    }
  }

 private:
  void read_one(const Node& node) {
    if (node.refused || is_too_many(node)) return;
    ServerConfig server;
    server.place = draft_.errors.place_of(node);
    if (node.as<Members>() != nullptr) {
      read_table(node, server);
    } else if (const auto* text = node.as<std::string>()) {
      server.address = *text;
      check_address(node, *text);
    } else {
      draft_.errors.add(node,
                        "servers are text in quotes, such as \"10.0.0.1:80\", or tables, "
                        "such as { address = \"10.0.0.1:80\", weight = 2 }");
    }
    upstream_.servers.push_back(std::move(server));
  }

  bool is_too_many(const Node& node) {
    const auto most = static_cast<std::size_t>(config_key(Section::kUpstream, "servers").most);
    if (++draft_.servers == most + 1) {
      draft_.errors.add(node, fmt::format("there are more than {} servers", most));
    }
    return draft_.servers > most;
  }

  void read_table(const Node& node, ServerConfig& server) {
    TableReader reader(node, Section::kServer, draft_.errors);
    reader.require("address", "\"10.0.0.1:80\"");
    reader.text("address", server.address);
    reader.number("weight", server.weight);
    reader.number("max_connections", server.max_connections);
    reader.flag("backup", server.backup);
    reader.text("check_address", server.check_address);
    if (server.address.empty()) return;
    const auto address = check_address(*reader.find("address"), server.address);
    if (!address || server.check_address.empty()) return;
    const std::string trouble = trouble_of_check(server.check_address, *address);
    if (!trouble.empty()) reader.refuse("check_address", "check_address: " + trouble);
  }

  std::optional<ServerAddress> check_address(const Node& node, const std::string& text) {
    const auto address = ServerAddress::parse(text);
    if (!address) {
      draft_.errors.add(node, "address: " + address.error().what);
      return std::nullopt;
    }
    const auto before = seen_before(seen_, address->to_string(), draft_.errors.place_of(node));
    if (before) {
      draft_.errors.add(node, fmt::format("the server '{}' is in '{}' already, at {}", text,
                                          upstream_.name, to_string(*before)));
    }
    check_family(node, *address);
    return *address;
  }

  // What is only a name may turn out to be of either family.
  void check_family(const Node& node, const ServerAddress& server) {
    if (!upstream_.source || server.kind != ServerAddress::Kind::kAddress) return;
    const Address::Family from = upstream_.source->family();
    const Address::Family to = server.address.family();
    if (from == to) return;
    draft_.errors.add(node, fmt::format("the server '{}' is {}, and cannot be connected to from "
                                        "the source, which is {}",
                                        server.to_string(), name_of(to), name_of(from)));
  }

  // Empty if it can be.
  static std::string trouble_of_check(const std::string& text, const ServerAddress& server) {
    if (!text.starts_with(':')) {
      const auto address = ServerAddress::parse(text);
      if (!address) return address.error().what;
      if (address->kind != ServerAddress::Kind::kService) return "";
      return "'" + text + "' may be several servers; write :8008 for another port of each";
    }
    if (server.address.is_unix()) return "a Unix socket has no other port";
    const auto port = ServerAddress::parse("127.0.0.1" + text);
    return port ? "" : "'" + text + "' is not a port from 1 to 65535 after the colon";
  }

  // A hash ring is made of weights.
  void check_weights(const Node& node) {
    const bool any = std::ranges::any_of(
        upstream_.servers, [](const ServerConfig& server) { return server.weight > 0; });
    if (any || upstream_.servers.empty() || upstream_.balance != Balance::kHash) return;
    draft_.errors.add(node, "balance = \"hash\" needs a server with a weight above 0");
  }

  UpstreamConfig& upstream_;
  Draft& draft_;
  std::map<std::string, Place> seen_;
};

void read_name(TableReader& reader, UpstreamConfig& upstream, Draft& draft) {
  reader.require("name", "\"web\"");
  reader.text("name", upstream.name);
  if (upstream.name.empty()) return;
  const auto before = seen_before(draft.upstream_names, upstream.name, upstream.place);
  if (!before) return;
  reader.refuse("name", fmt::format("'{}' is the name of the [[upstream]] at {} already",
                                    upstream.name, to_string(*before)));
}

void read_parts(TableReader& reader, UpstreamConfig& upstream, ConfigErrors& errors) {
  if (const Node* health = reader.find("health"); health != nullptr && !health->refused) {
    if (health->as<Members>() == nullptr) {
      errors.add(*health, "write health = { connect = true }, or another way to check");
    } else {
      read_health(*health, errors, upstream.health.emplace());
    }
  }
  if (const Node* ejection = reader.find("ejection"); ejection != nullptr && !ejection->refused) {
    if (ejection->as<Members>() == nullptr) {
      errors.add(*ejection, "write ejection = { failures = 5 }; 0 of them is never");
    } else {
      read_ejection(*ejection, errors, upstream.ejection);
    }
  }
}

}  // namespace

void read_upstream(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kUpstream, draft.errors);
  UpstreamConfig upstream;
  upstream.place = draft.errors.place_of(table);
  read_name(reader, upstream, draft);
  reader.choice("balance", upstream.balance);
  read_source(reader, upstream);
  read_source_ports(reader, upstream);
  ServersReader(upstream, draft).read(reader);
  read_parts(reader, upstream, draft.errors);
  reader.choice("on_down", upstream.on_down);
  reader.number("retries", upstream.retries);
  reader.number("queue", upstream.queue);
  reader.time("slow_start", upstream.slow_start);
  reader.choice("send_proxy", upstream.send_proxy);
  reader.choice("forward", upstream.forward);
  reader.time("connect_timeout", upstream.connect_timeout);
  reader.time("idle_timeout", upstream.idle_timeout);
  draft.config.upstreams.push_back(std::move(upstream));
}

}  // namespace ouro::proxy
