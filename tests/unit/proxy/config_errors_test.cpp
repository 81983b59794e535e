// What is said about configs that are wrong, word for word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/config_support.h"

namespace ouro::proxy {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

struct Wrong {
  std::string text;
  std::vector<std::string> errors;
};

void expect(const std::vector<Wrong>& cases) {
  for (const Wrong& wrong : cases) {
    EXPECT_THAT(troubles(wrong.text), ElementsAreArray(wrong.errors)) << wrong.text;
  }
}

// After six lines that are right.
std::string also(std::string_view more) { return std::string(kSmallest) + std::string(more); }
std::string listen_with(std::string_view more) {
  return also("[[listen]]\naddress = '127.0.0.1:81'\nupstream = 'web'\n" + std::string(more));
}
std::string upstream_with(std::string_view more) {
  return also("[[upstream]]\nname = 'x'\nservers = ['a:1']\n" + std::string(more));
}
std::string servers(std::string_view list) {
  return also("[[upstream]]\nname = 'x'\nservers = " + std::string(list));
}
std::string health(std::string_view table) {
  return upstream_with("health = " + std::string(table));
}

TEST(ConfigErrors, of_files_that_are_no_config) {
  expect({
      {"", {"c:1:1: a config needs a [[listen]], with the address that clients connect to"}},
      {"x = = 1\n", {"c:1:5: Error while parsing value: could not determine value type"}},
      {also("workers = 3\n"),
       {"c:7:1: there is no key 'workers' in [[upstream]]; did you mean 'servers'?"}},
      {"workers = 3\n" + also(""), {"c:1:11: write [workers], and its keys below"}},
      {also("[[workers]]\n"), {"c:7:1: write [workers], and its keys below"}},
      {"[listen]\naddress = '127.0.0.1:1'\n", {"c:1:1: write [[listen]], once for each"}},
      {also("[[listener]]\n"),
       {"c:7:3: there is no key 'listener' in the file; did you mean "
        "'listen'?"}},
      {also("[http]\n"),
       {"c:7:2: there is no key 'http' in the file; there are include, workers, "
        "admin, log, limits, timeouts, names, listen, route, upstream"}},
      {"include = 5\n" + also(""),
       {"c:1:11: 'include' is text in quotes, or a list of such, not "
        "5"}},
  });
}

TEST(ConfigErrors, of_single_values) {
  expect({
      {also("[workers]\ncount = 0\n"),
       {"c:8:9: 'count' is \"auto\" or a whole number from 1 to 1024, not 0"}},
      {also("[workers]\ncuont = 1\n"),
       {"c:8:1: there is no key 'cuont' in [workers]; did you mean 'count'?"}},
      {also("[workers]\nengine = 'iouring'\n"),
       {"c:8:10: 'engine' is one of \"auto\", \"uring\", \"epoll\", not the text 'iouring'; did "
        "you mean "
        "'uring'?"}},
      {also("[workers]\nsandbox = 'yes'\n"),
       {"c:8:11: 'sandbox' is true or false, not the text 'yes'"}},
      {also("[workers]\nuser = \"a\\u001b[31m\"\n"), {"c:8:8: 'user' holds a control character"}},
      {also("[workers]\nuser = ''\n"), {"c:8:8: 'user' has 1 to 100 letters, not 0"}},
      {also("[admin]\n"), {"c:7:1: [admin] needs 'address', such as address = \"127.0.0.1:9901\""}},
      {also("[admin]\naddress = '127.0.0.1'\n"),
       {"c:8:11: address: '127.0.0.1' is not an address; try 127.0.0.1:7007, [::1]:7007 or "
        "unix:/run/echo.sock"}},
      {also("[admin]\naddress = '127.0.0.1:8080'\n"),
       {"c:2:11: 127.0.0.1:8080 is listened on already, at c:8:11"}},
      {also("[log]\naccess = 'stdot'\n"),
       {"c:8:10: 'access' is off, stdout, syslog or a path with a / in it, not 'stdot'; did you "
        "mean 'stdout'?"}},
      {also("[log]\nlevel = 3\n"),
       {"c:8:9: 'level' is one of \"error\", \"warn\", \"info\", \"debug\", not 3"}},
      {also("[limits]\nwindow = '1KB'\n"),
       {"c:8:10: 'window' is a size from 4KiB to 256MiB, such as \"256KiB\", not the text '1KB'"}},
      {also("[limits]\nwindow = 65536\n"),
       {"c:8:10: 'window' is a size from 4KiB to 256MiB, such as \"256KiB\", not 65536"}},
      {also("[limits]\nretry_budget_percent = 20.5\n"),
       {"c:8:24: 'retry_budget_percent' is a whole number from 0 to 100, not a date or a number "
        "with a point"}},
      {also("[limits]\nmax_connections = -1\n"),
       {"c:8:19: 'max_connections' is a whole number from 0 to 16777216, not -1"}},
      {also("[timeouts]\nconnect = '0'\n"),
       {"c:8:11: 'connect' is a time from 1ms to 1h, such as \"2s\", not the text '0'"}},
      {also("[timeouts]\nidle = '2 parsecs'\n"),
       {"c:8:8: 'idle' is a time from 0 to 168h, such as \"2s\", not the text '2 parsecs'"}},
      {also("[timeouts]\nidle = 2\n"),
       {"c:8:8: 'idle' is a time from 0 to 168h, such as \"2s\", not 2"}},
      {also("[timeouts]\ndrain = ['1s']\n"),
       {"c:8:9: 'drain' is a time from 100ms to 24h, such as \"2s\", not a list"}},
  });
}

TEST(ConfigErrors, of_listeners) {
  expect({
      {also("[[listen]]\nupstream = 'web'\n"),
       {"c:7:1: [[listen]] needs 'address', such as address = \"0.0.0.0:443\""}},
      {also("[[listen]]\naddress = ':81'\nupstream = 'web'\n"),
       {"c:8:11: address: ':81' has no IP address; 0.0.0.0:81 is all of IPv4, [::]:81 all of "
        "IPv6"}},
      {also("[[listen]]\naddress = 'localhost:81'\nupstream = 'web'\n"),
       {"c:8:11: address: 'localhost' is not an IP address; IPv6 is written [::1]:7007"}},
      {also("[[listen]]\naddress = '127.0.0.1:8080'\nupstream = 'web'\n"),
       {"c:8:11: 127.0.0.1:8080 is listened on already, at c:2:11"}},
      {also("[[listen]]\naddress = '127.0.0.1:81'\n"),
       {"c:7:1: this [[listen]] serves nobody: give it an upstream = \"name\", or a [[route]]"}},
      {also("[[listen]]\naddress = '127.0.0.1:81'\nupstream = 'wbe'\n"),
       {"c:9:12: there is no [[upstream]] named 'wbe'; did you mean 'web'?"}},
      {listen_with("name = '127.0.0.1:8080'\n"),
       {"c:10:8: '127.0.0.1:8080' is the name of the [[listen]] at c:1:1 already"}},
      {also("[[listen]]\naddress = '127.0.0.1:81'\nname = '127.0.0.1:82'\nupstream = 'web'\n"
            "[[listen]]\naddress = '127.0.0.1:82'\nupstream = 'web'\n"),
       {"c:11:1: '127.0.0.1:82' is the name of the [[listen]] at c:7:1 already"}},
      {listen_with("protocol = 'http'\n"),
       {"c:10:12: this version speaks tcp only: HTTP passes as it is, unread; write protocol = "
        "\"tcp\""}},
      {listen_with("protocol = 'udp'\n"), {"c:10:12: 'protocol' is \"tcp\", not the text 'udp'"}},
      {listen_with("backlog = 70000\n"),
       {"c:10:11: 'backlog' is a whole number from 1 to 65535, not 70000"}},
      {listen_with("proxy_protocol = 'required'\n"),
       {"c:10:18: proxy_protocol = \"required\" needs to be told who may send such a header: "
        "proxy_protocol_from = [\"10.0.0.0/8\"], the addresses of the balancers in front"}},
      {listen_with("proxy_protocol_from = ['10.0.0.0/8']\n"),
       {"c:10:23: proxy_protocol_from is of no use without proxy_protocol = \"required\""}},
      {listen_with("allow = ['10.0.0.1/8', 'x']\n"),
       {"c:10:10: allow: '10.0.0.1/8' has bits beyond its prefix; write 10.0.0.0/8",
        "c:10:24: allow: 'x' is not a block of addresses; try 10.0.0.0/8, 2001:db8::/32 or "
        "192.0.2.7"}},
      {also("[[listen]]\naddress = 'unix:/s'\nupstream = 'web'\ndeny = '10.0.0.1'\n"),
       {"c:10:8: deny goes by IP addresses, which those who connect to a Unix socket do not have; "
        "its folder's permissions say who may"}},
  });
}

TEST(ConfigErrors, of_routes) {
  expect({
      {also("[[route]]\n"),
       {"c:7:1: [[route]] needs 'sni', such as sni = \"example.com\"",
        "c:7:1: [[route]] needs 'upstream', such as upstream = \"web\""}},
      {also("[[route]]\nsni = 'a.example'\nupstream = 'we'\nlisten = ['127.0.0.1:8081', 'zzz']\n"),
       {"c:9:12: there is no [[upstream]] named 'we'; did you mean 'web'?",
        "c:10:11: there is no [[listen]] named '127.0.0.1:8081'; did you mean '127.0.0.1:8080'?",
        "c:10:29: there is no [[listen]] named 'zzz'"}},
      {also("[[route]]\nsni = ['a.example', 'A.Example']\nupstream = 'web'\n"),
       {"c:8:21: 'a.example' is routed at c:8:8 already"}},
      {also("[[route]]\nsni = '*.a.example'\nupstream = 'web'\nlisten = '127.0.0.1:8080'\n"
            "[[route]]\nsni = '*.a.example'\nupstream = 'web'\n"),
       {"c:12:7: '*.a.example' is routed at c:8:7 already"}},
      {also("[[route]]\nsni = 'x.*.example'\nupstream = 'web'\n"),
       {"c:8:7: sni: 'x.*.example' is not a host name; try example.com or *.example.com"}},
      {also("[[route]]\nsni = '10.0.0.1'\nupstream = 'web'\n"),
       {"c:8:7: sni: '10.0.0.1' is not a host name; try example.com or *.example.com"}},
      {also("[[route]]\nsni = '*'\nupstream = 'web'\n"),
       {"c:8:7: sni: what no route takes goes to the listener's own upstream; write it there "
        "instead of \"*\""}},
      {also("[[route]]\nsni = []\nupstream = 'web'\n"),
       {"c:8:7: 'sni' has 1 to 10000 elements, not 0"}},
      {also("[[route]]\nsni = 'a.b'\nupstream = 'web'\nlisten = ['zzz', 'zzz']\n"),
       {"c:10:11: there is no [[listen]] named 'zzz'", "c:10:18: 'zzz' is there twice"}},
  });
}

TEST(ConfigErrors, of_upstreams) {
  expect({
      {also("[[upstream]]\n"),
       {"c:7:1: [[upstream]] needs 'name', such as name = \"web\"",
        "c:7:1: the upstream '' has no servers; write servers = [\"10.0.0.1:80\"]"}},
      {also("[[upstream]]\nname = 'web'\nservers = ['a:1']\n"),
       {"c:8:8: 'web' is the name of the [[upstream]] at c:4:1 already"}},
      {servers("[]\n"),
       {"c:9:11: the upstream 'x' has no servers; write servers = "
        "[\"10.0.0.1:80\"]"}},
      {servers("'a:1'\n"), {"c:9:11: write servers = [ ... ], even if there is only one"}},
      {upstream_with("balance = 'roundrobin'\n"),
       {"c:10:11: 'balance' is one of \"round-robin\", \"least-connections\", \"two-choices\", "
        "\"hash\", "
        "not the text 'roundrobin'; did you mean 'round-robin'?"}},
      {also("[[upstream]]\nname = 'x'\nbalance = 'hash'\nservers = [{address = 'a:1', weight = "
            "0}]\n"),
       {"c:10:11: balance = \"hash\" needs a server with a weight above 0"}},
      {upstream_with("source = 'here'\n"),
       {"c:10:10: source: 'here' is not an IP address; try 10.0.0.5"}},
      {upstream_with("source = '10.0.0.5:5000'\n"),
       {"c:10:10: source: one port is enough for one connection; write source = \"10.0.0.5\" and a "
        "range in source_ports"}},
      {upstream_with("source_ports = '30000-20000'\n"),
       {"c:10:16: 'source_ports' is a range within 1 to 65535, such as \"20000-29999\", not "
        "'30000-20000'"}},
      {upstream_with("ejection = { time = '1m', time_most = '1s' }\n"),
       {"c:10:39: 'time_most' is less than 'time', which only grows"}},
      {upstream_with("ejection = 5\n"),
       {"c:10:12: write ejection = { failures = 5 }; 0 of them is never"}},
      {upstream_with("ejection = { percent_most = 0 }\n"),
       {"c:10:29: 'percent_most' is a whole number from 1 to 100, not 0"}},
  });
}

TEST(ConfigErrors, of_servers) {
  expect({
      {servers("['10.0.0.1', 5]\n"),
       {"c:9:12: address: '10.0.0.1' has no port from 1 to 65535 at its end",
        "c:9:24: servers are text in quotes, such as \"10.0.0.1:80\", or tables, such as { address "
        "= \"10.0.0.1:80\", weight = 2 }"}},
      {servers("['DB:1', { address = 'db:01' }]\n"),
       {"c:9:32: the server 'db:01' is in 'x' already, at c:9:12"}},
      {servers("[{ wieght = 2 }]\n"),
       {"c:9:12: servers needs 'address', such as address = \"10.0.0.1:80\"",
        "c:9:14: there is no key 'wieght' in servers; did you mean 'weight'?"}},
      {servers("[{ address = 'a:1', weight = 1001 }]\n"),
       {"c:9:40: 'weight' is a whole number from 0 to 1000, not 1001"}},
      {servers("[{ address = 'a:1', check_address = ':0' }]\n"),
       {"c:9:47: check_address: ':0' is not a port from 1 to 65535 after the colon"}},
      {servers("[{ address = 'unix:/s', check_address = ':8008' }]\n"),
       {"c:9:51: check_address: a Unix socket has no other port"}},
      {servers("[{ address = 'a:1', check_address = 'srv:_a._tcp.b' }]\n"),
       {"c:9:47: check_address: 'srv:_a._tcp.b' may be several servers; write :8008 for another "
        "port of each"}},
      {servers("['[::1]:80']\nsource = '10.0.0.5'\n"),
       {"c:9:12: the server '[::1]:80' is IPv6, and cannot be connected to from the source, which "
        "is IPv4"}},
      {servers("['unix:/s']\nsource = '::1'\n"),
       {"c:9:12: the server 'unix:/s' is a Unix socket, and cannot be connected to from the "
        "source, which is IPv6"}},
  });
}

TEST(ConfigErrors, of_health_checks) {
  expect({
      {health("true\n"), {"c:10:10: write health = { connect = true }, or another way to check"}},
      {health("{ rise = 2 }\n"),
       {"c:10:10: health needs one of connect = true, http = \"/path\", or send and expect"}},
      {health("{ connect = true, http = '/' }\n"),
       {"c:10:10: health is only one of connect = true, http = \"/path\", or send and expect"}},
      {health("{ connect = false }\n"), {"c:10:22: 'connect' is true, or not there"}},
      {health("{ http = 'healthz' }\n"),
       {"c:10:19: 'http' is a path such as \"/healthz\", not 'healthz'"}},
      {health("{ http = '/a b' }\n"),
       {"c:10:19: 'http' is a path such as \"/healthz\", not '/a b'"}},
      {health("{ http = '/', host = 'a b' }\n"),
       {"c:10:31: 'host' is a name such as \"example.com\", not 'a b'"}},
      {health("{ http = '/', status = [200, 600] }\n"),
       {"c:10:39: 'status' is a whole number from 100 to 599, or a list of at most 100 such, not "
        "600"}},
      {health("{ http = '/', status = 'ok' }\n"),
       {"c:10:33: 'status' is a whole number from 100 to 599, or a list of at most 100 such, not "
        "the "
        "text 'ok'"}},
      {health("{ connect = true, status = [200] }\n"),
       {"c:10:37: 'status' is for http = \"/path\""}},
      {health("{ send = 'x' }\n"),
       {"c:10:19: 'send' needs expect, which the answer has to contain"}},
      {health("{ connect = true, interval = '1ms' }\n"),
       {"c:10:39: 'interval' is a time from 100ms to 1h, such as \"2s\", not the text '1ms'"}},
  });
}

TEST(ConfigErrors, of_variables) {
  const Environment environment = environment_of({{"EMPTY", ""}});
  const auto with = [&environment](std::string_view user) {
    return troubles(also("[workers]\nuser = '" + std::string(user) + "'\n"), environment);
  };
  EXPECT_THAT(with("x${WEB_USER}"),
              ElementsAre("c:8:8: the environment has no WEB_USER; set it, or write "
                          "${WEB_USER:-...} with what it is otherwise"));
  EXPECT_THAT(with("${WEB_USER"), ElementsAre("c:8:8: a ${ without }; $${ stands for ${ itself"));
  for (const std::string name : {"", "2", "a b", "a-b", ":-x"}) {
    EXPECT_THAT(with("${" + name + "}"),
                ElementsAre("c:8:8: '${" + name +
                            "}' is not the name of a variable; $${ stands for ${ itself"));
  }
  EXPECT_THAT(with("${EMPTY}"), ElementsAre("c:8:8: 'user' has 1 to 100 letters, not 0"));
  std::string large;
  for (int i = 0; i < 100; ++i) large += "${LARGE}";
  EXPECT_THAT(troubles(also("[workers]\nuser = '" + large + "'\n"),
                       environment_of({{"LARGE", std::string(1000, 'x')}})),
              ElementsAre("c:8:8: more than 64 KiB with its variables"));
}

TEST(ConfigErrors, are_all_said_at_once) {
  EXPECT_THAT(troubles(R"([limits]
windw = "1MiB"
max_connections = "many"
[timeouts]
idle = 5
[[listen]]
address = "127.0.0.1"
upstream = "wbe"
[[listen]]
address = "127.0.0.1:80"
user = "${NOBODY}"
[[upstream]]
name = "web"
servers = ["10.0.0.1:80", "10.0.0.1:80"]
)"),
              ElementsAre("c:2:1: there is no key 'windw' in [limits]; did you mean 'window'?",
                          "c:3:19: 'max_connections' is a whole number from 0 to 16777216, not the "
                          "text 'many'",
                          "c:5:8: 'idle' is a time from 0 to 168h, such as \"2s\", not 5",
                          "c:7:11: address: '127.0.0.1' is not an address; try 127.0.0.1:7007, "
                          "[::1]:7007 or unix:/run/echo.sock",
                          "c:8:12: there is no [[upstream]] named 'wbe'; did you mean 'web'?",
                          "c:11:1: there is no key 'user' in [[listen]]; there are name, address, "
                          "protocol, upstream, max_connections, backlog, proxy_protocol, "
                          "proxy_protocol_from, allow, deny",
                          "c:11:8: the environment has no NOBODY; set it, or write ${NOBODY:-...} "
                          "with what it is otherwise",
                          "c:14:27: the server '10.0.0.1:80' is in 'web' already, at c:14:12"));
}

TEST(ConfigErrors, of_several_files_come_in_their_order) {
  const ReadConfig read = read_config(
      {{{"z", "include = ['a', 'b']\n[limits]\nwindow = '1MiB'\n"},
        {"a", "[limits]\nwindow = '2MiB'\n"},
        {"b", "[[listen]]\naddress = '127.0.0.1:1'\nupstream = 'none'\n[log]\nx = 1\n"}},
       {}},
      environment_of({}));
  EXPECT_THAT(lines_of(read.errors),
              ElementsAre("a:2:1: 'window' of [limits] is at z:3:1 already",
                          "b:3:12: there is no [[upstream]] named 'none'",
                          "b:5:1: there is no key 'x' in [log]; there are level, access, "
                          "access_format"));
}

TEST(ConfigErrors, of_what_is_only_missed_because_a_file_is_wrong_are_not_said) {
  const ReadConfig read = read_config(
      {{{"z", std::string(kSmallest.substr(0, 55))}, {"a", "[[upstream]\nname = 'web'\n"}},
       {{{"z", 1, 1}, "cannot read b"}}},
      environment_of({}));
  EXPECT_THAT(lines_of(read.errors),
              ElementsAre("z:1:1: cannot read b", testing::StartsWith("a:1:")));
}

TEST(ConfigErrors, do_not_go_to_the_terminal_as_they_are) {
  EXPECT_THAT(troubles(also("[workers]\n\"a\\u001b[31m\" = 1\n")),
              ElementsAre("c:8:1: there is no key 'a?[31m' in [workers]; there are count, engine, "
                          "user, sandbox"));
}

}  // namespace
}  // namespace ouro::proxy
