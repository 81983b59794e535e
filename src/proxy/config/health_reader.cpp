// How servers are found to be up or down.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/config_draft.h"
#include "proxy/config/table_reader.h"

namespace ouro::proxy {
namespace {

// They go into a request as they are.
bool is_one_word(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char letter) { return letter > ' '; });
}

void read_http(TableReader& reader, HealthConfig& health) {
  reader.text("http", health.path);
  reader.text("host", health.host);
  reader.numbers("status", health.status);
  if (!health.path.empty() && (health.path[0] != '/' || !is_one_word(health.path))) {
    reader.refuse("http",
                  fmt::format("'http' is a path such as \"/healthz\", not '{}'", health.path));
  }
  if (!is_one_word(health.host)) {
    reader.refuse("host",
                  fmt::format("'host' is a name such as \"example.com\", not '{}'", health.host));
  }
  if (reader.has("http")) return;
  for (const std::string_view key : {"status", "host"}) {
    if (reader.has(key)) reader.refuse(key, fmt::format("'{}' is for http = \"/path\"", key));
  }
}

void read_exchange(TableReader& reader, HealthConfig& health) {
  reader.text("send", health.send);
  reader.text("expect", health.expect);
  if (reader.has("send") && !reader.has("expect")) {
    reader.refuse("send", "'send' needs expect, which the answer has to contain");
  }
}

}  // namespace

void read_health(const Node& table, ConfigErrors& errors, HealthConfig& health) {
  TableReader reader(table, Section::kHealth, errors);
  bool connect = true;
  reader.flag("connect", connect);
  if (!connect) reader.refuse("connect", "'connect' is true, or not there");
  read_http(reader, health);
  read_exchange(reader, health);
  const bool exchange = reader.has("send") || reader.has("expect");
  if (exchange) health.check = Check::kExchange;
  if (reader.has("http")) health.check = Check::kHttp;
  const int ways = int{reader.has("connect")} + int{reader.has("http")} + int{exchange};
  if (ways != 1) {
    errors.add(table, fmt::format("{} of connect = true, http = \"/path\", or send and expect",
                                  ways == 0 ? "health needs one" : "health is only one"));
  }
  reader.time("interval", health.interval);
  reader.time("timeout", health.timeout);
  reader.number("rise", health.rise);
  reader.number("fall", health.fall);
}

void read_ejection(const Node& table, ConfigErrors& errors, EjectionConfig& ejection) {
  TableReader reader(table, Section::kEjection, errors);
  reader.number("failures", ejection.failures);
  reader.time("time", ejection.time);
  reader.time("time_most", ejection.time_most);
  reader.number("percent_most", ejection.percent_most);
  if (ejection.time > ejection.time_most) {
    reader.refuse(reader.has("time_most") ? "time_most" : "time",
                  "'time_most' is less than 'time', which only grows");
  }
}

}  // namespace ouro::proxy
