#include "proxy/config/config_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/config/config_keys.h"
#include "unit/proxy/config_support.h"

namespace ouro::proxy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kEverything = R"(include = []
[workers]
count = 3
engine = "epoll"
user = "web"
sandbox = false
[admin]
address = "127.0.0.1:9901"
[log]
level = "debug"
access = "/var/log/ouro/access.log"
access_format = "json"
[limits]
max_connections = 100_000
max_connections_per_client = 100
connection_rate_per_client = 10
window = "1MiB"
retry_budget_percent = 30
[timeouts]
connect = "1s"
idle = "0"
half_closed = "2m"
total = "24h"
queue = "3s"
header = "100ms"
drain = "1m"
drain_delay = "5s"
[[listen]]
name = "front"
address = "[::]:443"
protocol = "tcp"
upstream = "web"
max_connections = 5000
backlog = 128
proxy_protocol = "required"
proxy_protocol_from = ["10.0.0.0/8", "::1"]
allow = "192.0.2.0/24"
deny = ["192.0.2.7"]
[[listen]]
address = "unix:/run/ouro.sock"
[[route]]
sni = ["A.example", "*.b.example"]
listen = ["front", "unix:/run/ouro.sock"]
upstream = "web"
[[route]]
sni = "c.example"
upstream = "more"
[[upstream]]
name = "web"
balance = "hash"
on_down = "close"
retries = 5
queue = 7
slow_start = "30s"
send_proxy = "v2"
forward = "splice"
source = "10.0.0.5"
source_ports = "20000-29999"
connect_timeout = "250ms"
idle_timeout = "0"
ejection = { failures = 9, time = "1s", time_most = "2s", percent_most = 10 }
servers = [
  { address = "10.0.0.1:80", weight = 20, max_connections = 200, check_address = ":8008" },
  { address = "srv:_web._tcp.example", backup = true },
  "name_1.example:80",
]
[upstream.health]
http = "/healthz"
status = [200, 204]
host = "x.example"
interval = "5s"
timeout = "300ms"
rise = 4
fall = 5
[[upstream]]
name = "more"
servers = ["unix:/run/web.sock"]
health = { send = "PING\r\n", expect = "PONG" }
[[upstream]]
name = "unused"
servers = [{ address = "[2001:db8::1]:1", weight = 0, backup = true }]
health = { connect = true }
[names]
resolvers = ["10.0.0.2", "[fd00::2]:5353"]
)";

TEST(ConfigReader, the_example_that_has_everything_does) {
  for (const Key& key : config_keys()) {
    const bool table = key.type == KeyType::kTable || key.type == KeyType::kTables;
    const std::string name(key.name);
    const bool there = kEverything.find(name + " = ") != std::string_view::npos ||
                       (table && kEverything.find("[" + name + "]") != std::string_view::npos);
    EXPECT_TRUE(there) << title(key.section) << " " << key.name;
  }
}

TEST(ConfigReader, reads_what_goes_for_the_whole_program) {
  const Config config = config_of(kEverything);
  EXPECT_EQ(config.workers, (WorkersConfig{3, EngineChoice::kEpoll, "web", false}));
  EXPECT_EQ(config.admin->to_string(), "127.0.0.1:9901");
  EXPECT_EQ(config.log,
            (LogConfig{log::Level::kDebug, "/var/log/ouro/access.log", AccessFormat::kJson}));
  EXPECT_EQ(config.limits, (LimitsConfig{100'000, 100, 10, 1 << 20, 30}));
  EXPECT_EQ(config.timeouts, (TimeoutsConfig{1s, 0s, 2min, 24h, 3s, 100ms, 1min, 5s}));
}

TEST(ConfigReader, reads_listeners_and_routes) {
  const Config config = config_of(kEverything);
  ASSERT_EQ(config.listeners.size(), 2u);
  const ListenConfig& front = config.listeners[0];
  EXPECT_EQ(front.place, (Place{"c", 28, 1}));
  EXPECT_EQ(front.name, "front");
  EXPECT_EQ(front.address.to_string(), "[::]:443");
  EXPECT_EQ(front.upstream, "web");
  EXPECT_EQ(front.max_connections, 5000u);
  EXPECT_EQ(front.backlog, 128);
  EXPECT_EQ(front.proxy_protocol, ProxyHeaderIn::kRequired);
  EXPECT_THAT(front.proxy_protocol_from,
              ElementsAre(*Network::parse("10.0.0.0/8"), *Network::parse("::1")));
  EXPECT_THAT(front.allow, ElementsAre(*Network::parse("192.0.2.0/24")));
  EXPECT_THAT(front.deny, ElementsAre(*Network::parse("192.0.2.7")));
  EXPECT_EQ(config.listeners[1].name, "unix:/run/ouro.sock");
  EXPECT_EQ(config.listeners[1].upstream, "");

  const std::vector<std::string> both{"front", "unix:/run/ouro.sock"};
  EXPECT_THAT(config.routes, ElementsAre(SniRoute{{"c", 42, 8}, "a.example", both, "web"},
                                         SniRoute{{"c", 42, 21}, "*.b.example", both, "web"},
                                         SniRoute{{"c", 46, 7}, "c.example", {}, "more"}));
}

TEST(ConfigReader, reads_upstreams) {
  const Config config = config_of(kEverything);
  ASSERT_EQ(config.upstreams.size(), 3u);
  const UpstreamConfig& web = config.upstreams[0];
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.balance, Balance::kHash);
  EXPECT_EQ(web.on_down, OnDown::kClose);
  EXPECT_EQ(web.retries, 5u);
  EXPECT_EQ(web.queue, 7u);
  EXPECT_EQ(web.slow_start, 30s);
  EXPECT_EQ(web.send_proxy, ProxyHeaderOut::kV2);
  EXPECT_EQ(web.forward, Forward::kSplice);
  EXPECT_EQ(web.source->to_string(), "10.0.0.5:0");
  EXPECT_EQ(web.source_port_first, 20000);
  EXPECT_EQ(web.source_port_last, 29999);
  EXPECT_EQ(web.connect_timeout, 250ms);
  EXPECT_EQ(web.idle_timeout, 0ms);
  EXPECT_EQ(web.ejection, (EjectionConfig{9, 1s, 2s, 10}));
  EXPECT_EQ(
      *web.health,
      (HealthConfig{Check::kHttp, "", "", "/healthz", "x.example", {200, 204}, 5s, 300ms, 4, 5}));
  EXPECT_THAT(web.servers,
              ElementsAre(ServerConfig{{"c", 63, 3}, "10.0.0.1:80", 20, 200, false, ":8008"},
                          ServerConfig{{"c", 64, 3}, "srv:_web._tcp.example", 1, 0, true, ""},
                          ServerConfig{{"c", 65, 3}, "name_1.example:80", 1, 0, false, ""}));
  const UpstreamConfig& more = config.upstreams[1];
  EXPECT_EQ(more.health->check, Check::kExchange);
  EXPECT_EQ(more.health->send, "PING\r\n");
  EXPECT_EQ(more.health->expect, "PONG");
  EXPECT_EQ(more.balance, Balance::kTwoChoices);
  EXPECT_EQ(config.upstreams[2].health->check, Check::kConnect);
}

TEST(ConfigReader, needs_no_more_than_six_lines) {
  const Config config = config_of(kSmallest);
  EXPECT_EQ(config.listeners[0].name, "127.0.0.1:8080");
  EXPECT_FALSE(config.upstreams[0].health);
  EXPECT_EQ(config.workers, WorkersConfig{});
}

TEST(ConfigReader, takes_what_is_unusual_but_right) {
  const std::string small(kSmallest);
  for (const char* more : {
           "[[listen]]\naddress = '127.0.0.1:0'\nupstream = 'web'\n"
           "[[listen]]\naddress = '127.0.0.1:0'\nupstream = 'web'\n",
           "[[upstream]]\nname = 'all backups'\nservers = [{address = 'a:1', backup = true}]\n",
           "[[upstream]]\nname = 'x'\nservers = [{address = 'a:1', weight = 0}]\n",
           "[[route]]\nsni = ['x.example', '*.x.example', '*.example']\nupstream = 'web'\n",
           "[[listen]]\naddress = 'unix:/s'\nproxy_protocol = 'required'\nupstream = 'web'\n",
           "[workers]\ncount = 'auto'\n[log]\naccess = './access.log'\n",
           "[[upstream]]\nname = 'x'\nsource = '2001:db8::5'\nservers = ['[::1]:1', 'a:1']\n",
           "[[upstream]]\nname = 'x'\nsource = '[::]:0'\nservers = ['[::1]:1']\nforward = "
           "'sockmap'",
           "[[upstream]]\nname = 'x'\nservers = ['a:1']\nhealth = { expect = '220 ' }\n",
       }) {
    EXPECT_THAT(troubles(small + more), IsEmpty()) << more;
  }
}

TEST(ConfigReader, puts_several_files_together) {
  const ReadConfig read = read_config({{{"main", "include = 'more'\n[limits]\nwindow = '1MiB'\n"},
                                        {"more", std::string(kSmallest) + "[limits]\n"
                                                                          "max_connections = 5\n"}},
                                       {}},
                                      environment_of({}));
  EXPECT_THAT(lines_of(read.errors), IsEmpty());
  EXPECT_EQ(read.config.limits.window_bytes, std::uint64_t{1} << 20);
  EXPECT_EQ(read.config.limits.max_connections, 5u);
  EXPECT_EQ(read.config.listeners[0].place.file, "more");
}

TEST(ConfigReader, puts_variables_into_texts) {
  const Environment environment = environment_of({{"HOST", "10.0.0.9"},
                                                  {"PORT", "81"},
                                                  {"EMPTY", ""},
                                                  {"MANY", "12"},
                                                  {"NO", "false"},
                                                  {"ODD", "a$"}});
  const Config config = config_of(R"([workers]
count = "${MANY}"
sandbox = "${NO}"
user = "${ODD}${EMPTY:-b}"
[[listen]]
address = "127.0.0.1:${LISTEN:-8080}"
upstream = "web"
[[upstream]]
name = "${EMPTY}web"
servers = ["${HOST}:${PORT}"]
health = { send = "$${HOST} $HOST } $", expect = "${NOTHING:-$}" }
)",
                                  environment);
  EXPECT_EQ(config.workers.count, 12u);
  EXPECT_FALSE(config.workers.sandbox);
  EXPECT_EQ(config.workers.user, "a$b");
  EXPECT_EQ(config.listeners[0].address.port(), 8080);
  EXPECT_EQ(config.upstreams[0].servers[0].address, "10.0.0.9:81");
  EXPECT_EQ(config.upstreams[0].health->send, "${HOST} $HOST } $");
  EXPECT_EQ(config.upstreams[0].health->expect, "$");
}

TEST(ConfigReader, what_a_variable_holds_is_not_looked_at_again) {
  const Environment environment = environment_of({{"A", "${B}"}});
  EXPECT_EQ(
      config_of(std::string(kSmallest) + "[workers]\nuser = '${A}'\n", environment).workers.user,
      "${B}");
}

TEST(ConfigReader, a_number_that_is_no_variable_has_no_quotes) {
  EXPECT_THAT(
      troubles(std::string(kSmallest) + "[workers]\ncount = '12'\n"),
      ElementsAre("c:8:9: 'count' is \"auto\" or a whole number from 1 to 1024, not the text "
                  "'12'"));
}

TEST(ConfigReader, bounds_what_it_takes) {
  std::string many(kSmallest);
  for (int i = 0; i < 1024; ++i) {
    many +=
        "[[listen]]\naddress = '127.0.0.1:" + std::to_string(10000 + i) + "'\nupstream = 'web'\n";
  }
  EXPECT_THAT(troubles(many), ElementsAre("c:3076:1: there are more than 1024 [[listen]]"));

  many = std::string(kSmallest) + "[[upstream]]\nname = 'x'\nservers = [\n";
  for (int i = 0; i < 4097; ++i) many += "'server" + std::to_string(i) + ":80',\n";
  EXPECT_THAT(troubles(many + "]\n"), ElementsAre("c:4105:1: there are more than 4096 servers"));

  many = std::string(kSmallest) + "[[route]]\nupstream = 'web'\nsni = [";
  for (int i = 0; i < 10'000; ++i) many += "'a" + std::to_string(i) + ".b',\n";
  EXPECT_THAT(troubles(many + "]\n[[route]]\nupstream = 'web'\nsni = 'a.c'\n"),
              ElementsAre("c:10012:7: there are more than 10000 names in routes"));
}

TEST(ConfigReader, bounds_how_many_names_are_for_how_many_listeners) {
  std::string text(kSmallest);
  std::string names;
  for (int i = 0; i < 101; ++i) {
    const std::string name = "l" + std::to_string(i);
    text += "[[listen]]\naddress = '127.0.0.1:0'\nupstream = 'web'\nname = '" + name + "'\n";
    names += "'" + name + "', ";
  }
  text += "[[route]]\nupstream = 'web'\nlisten = [" + names + "]\nsni = [\n";
  for (int i = 0; i < 1000; ++i) text += "'a" + std::to_string(i) + ".b',\n";
  EXPECT_THAT(troubles(text + "]\n"),
              ElementsAre("c:1405:1: there are more than 100000 pairs of a name and a listener in "
                          "routes; without 'listen' a route is for all listeners"));
}

TEST(ConfigReader, says_no_more_than_anybody_can_read) {
  std::string many;
  for (int i = 0; i < 1100; ++i) many += "no_such_key" + std::to_string(i) + " = 1\n";
  EXPECT_EQ(troubles(many).size(), 1000u);
}

TEST(ConfigReader, refuses_keys_of_endless_depth) {
  std::string deep = "a";
  for (int i = 0; i < 1'000'000; ++i) deep += ".a";
  EXPECT_THAT(troubles("\n" + deep + " = 1\n"),
              ElementsAre("c:2:1: a key of more than a hundred parts"));
}

TEST(ConfigReader, reads_resolvers_with_or_without_a_port) {
  const Config config =
      config_of(std::string(kSmallest) +
                "[names]\nresolvers = [\"10.0.0.2\", \"127.0.0.1:5353\", \"::1\", "
                "\"[fd00::2]:53\"]");
  std::vector<std::string> resolvers;
  for (const Address& one : config.names.resolvers) resolvers.push_back(one.to_string());
  EXPECT_THAT(resolvers,
              testing::ElementsAre("10.0.0.2:53", "127.0.0.1:5353", "[::1]:53", "[fd00::2]:53"));
  for (const char* wrong : {"localhost", "unix:/x", "10.0.0.2:0"}) {
    const std::string text = std::string(kSmallest) + "[names]\nresolvers = \"" + wrong + "\"";
    EXPECT_THAT(troubles(text), testing::ElementsAre(testing::HasSubstr("are IP addresses")));
  }
}

}  // namespace
}  // namespace ouro::proxy
