// The sections that a config has once: how the program runs, and what goes for all connections.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/config_draft.h"
#include "proxy/config/table_reader.h"

namespace ouro::proxy {
namespace {

// Another word than these is the path of a file, if there is a slash in it.
void check_access(TableReader& reader, const std::string& access) {
  const std::vector<std::string> words{"off", "stdout", "syslog"};
  const bool known = std::ranges::find(words, access) != words.end();
  if (known || access.find('/') != access.npos) return;
  reader.refuse("access", fmt::format("'access' is off, stdout, syslog or a path with a / in it, "
                                      "not '{}'{}",
                                      access, guess(access, words)));
}

// The port is that of the DNS if there is none.
std::optional<Address> parse_resolver(const std::string& text) {
  for (const std::string& form : {text, text + ":53", "[" + text + "]:53"}) {
    const auto address = Address::parse(form);
    if (address && !address->is_unix() && address->port() != 0) return *address;
  }
  return std::nullopt;
}

}  // namespace

bool claim_address(TableReader& reader, const Address& address, Draft& draft) {
  if (!address.is_unix() && address.port() == 0) return false;
  const auto before = seen_before(draft.addresses, address.to_string(),
                                  draft.errors.place_of(*reader.find("address")));
  if (!before) return true;
  reader.refuse("address", fmt::format("{} is listened on already, at {}", address.to_string(),
                                       to_string(*before)));
  return false;
}

void read_workers(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kWorkers, draft.errors);
  WorkersConfig& workers = draft.config.workers;
  if (!reader.says("count", "auto")) reader.number("count", workers.count);
  reader.choice("engine", workers.engine);
  reader.text("user", workers.user);
  reader.flag("sandbox", workers.sandbox);
}

void read_admin(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kAdmin, draft.errors);
  reader.require("address", "\"127.0.0.1:9901\"");
  std::string text;
  reader.text("address", text);
  if (text.empty()) return;
  const auto address = Address::parse(text);
  if (!address) {
    reader.refuse("address", "address: " + address.error().what);
    return;
  }
  draft.config.admin = *address;
  claim_address(reader, *address, draft);
}

void read_log(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kLog, draft.errors);
  LogConfig& log = draft.config.log;
  reader.choice("level", log.level);
  reader.text("access", log.access);
  check_access(reader, log.access);
  reader.choice("access_format", log.access_format);
}

void read_limits(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kLimits, draft.errors);
  LimitsConfig& limits = draft.config.limits;
  reader.number("max_connections", limits.max_connections);
  reader.number("max_connections_per_client", limits.max_connections_per_client);
  reader.number("connection_rate_per_client", limits.connection_rate_per_client);
  reader.number("window", limits.window_bytes);
  reader.number("retry_budget_percent", limits.retry_budget_percent);
}

void read_timeouts(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kTimeouts, draft.errors);
  TimeoutsConfig& timeouts = draft.config.timeouts;
  reader.time("connect", timeouts.connect);
  reader.time("idle", timeouts.idle);
  reader.time("half_closed", timeouts.half_closed);
  reader.time("total", timeouts.total);
  reader.time("queue", timeouts.queue);
  reader.time("header", timeouts.header);
  reader.time("drain", timeouts.drain);
  reader.time("drain_delay", timeouts.drain_delay);
}

void read_names(const Node& table, Draft& draft) {
  TableReader reader(table, Section::kNames, draft.errors);
  for (const PlacedText& one : reader.texts("resolvers")) {
    const auto address = parse_resolver(one.text);
    if (address) {
      draft.config.names.resolvers.push_back(*address);
    } else {
      draft.errors.add(*one.node, fmt::format("'resolvers' are IP addresses such as \"10.0.0.2\" "
                                              "or \"127.0.0.1:5353\", not '{}'",
                                              one.text));
    }
  }
}

}  // namespace ouro::proxy
