#include "proxy/config/config_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/units.h"

namespace ouro::proxy {
namespace {

using enum KeyType;

constexpr bool kReloads = true;
constexpr bool kRestart = false;

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kKib = 1 << 10;
constexpr std::int64_t kMib = 1 << 20;

constexpr std::int64_t kNameMost = 100;
constexpr std::int64_t kAddressMost = 300;  // a name of 253 letters, a port, and what stands before
constexpr std::int64_t kPathMost = 4096;
constexpr std::int64_t kConnectionsMost = 1 << 24;
constexpr std::int64_t kNetworksMost = 1024;
constexpr std::int64_t kIncludesMost = 64;
constexpr std::int64_t kListenersMost = 1024;
constexpr std::int64_t kRoutesMost = 10'000;
constexpr std::int64_t kServersMost = 4096;
constexpr std::int64_t kResolversMost = 8;

using enum Section;

constexpr Key kKeys[] = {
    {kFile, "include", kTexts, "[]", 0, kIncludesMost, "", kReloads,
     "more files, named from this one's folder; `*` and `?` stand for letters"},
    {kFile, "workers", kTable, "none", 0, 0, "", kRestart, "the processes that serve"},
    {kFile, "admin", kTable, "none", 0, 0, "", kRestart, "where to ask how it goes"},
    {kFile, "log", kTable, "none", 0, 0, "", kReloads, "what is written down"},
    {kFile, "limits", kTable, "none", 0, 0, "", kReloads, "how much is taken"},
    {kFile, "timeouts", kTable, "none", 0, 0, "", kReloads, "how long is waited"},
    {kFile, "names", kTable, "none", 0, 0, "", kRestart, "where names of servers are looked up"},
    {kFile, "listen", kTables, "required", 1, kListenersMost, "", kReloads,
     "an address that clients connect to"},
    {kFile, "route", kTables, "none", 0, kRoutesMost, "", kReloads,
     "which upstream serves which name"},
    {kFile, "upstream", kTables, "required", 1, kServersMost, "", kReloads,
     "servers that do the same"},

    {kWorkers, "count", kCount, "\"auto\"", 1, 1024, "", kRestart,
     "how many processes; auto: one per CPU"},
    {kWorkers, "engine", kChoice, "\"auto\"", 0, 0, "auto|uring|epoll", kRestart,
     "how bytes are moved; auto: io_uring where the system allows it"},
    {kWorkers, "user", kText, "as root ouro, else nobody", 1, kNameMost, "", kRestart,
     "whom workers become"},
    {kWorkers, "sandbox", kFlag, "true", 0, 0, "", kRestart,
     "workers give up files, programs and most system calls"},

    {kAdmin, "address", kText, "nowhere", 1, kAddressMost, "", kRestart,
     "where it answers /metrics, /healthz and `ouro ctl`; to be steered, unix:PATH"},

    {kLog, "level", kChoice, "\"info\"", 0, 0, "error|warn|info|debug", kReloads,
     "the least that goes to the log on stderr"},
    {kLog, "access", kText, "\"off\"", 1, kPathMost, "", kReloads,
     "a line for each connection: off, stdout, syslog, or the path of a file"},
    {kLog, "access_format", kChoice, "\"text\"", 0, 0, "text|json", kReloads, "of those lines"},

    {kLimits, "max_connections", kNumber, "0", 0, kConnectionsMost, "", kRestart,
     "of clients, over all workers; 0: what the limit on open files allows"},
    {kLimits, "max_connections_per_client", kNumber, "0", 0, kConnectionsMost, "", kReloads,
     "from one address; 0: no limit"},
    {kLimits, "connection_rate_per_client", kNumber, "0", 0, 1'000'000, "", kReloads,
     "new ones from one address in a second; 0: no limit"},
    {kLimits, "window", kSize, "\"256KiB\"", 4 * kKib, 256 * kMib, "", kRestart,
     "unsent bytes at which the other side is no longer read from"},
    {kLimits, "retry_budget_percent", kNumber, "20", 0, 100, "", kReloads,
     "retries to connect, of a hundred connections; what is not used is saved up for a bad moment"},

    {kTimeouts, "connect", kTime, "\"5s\"", 1, kHour, "", kReloads,
     "for a server to take a connection"},
    {kTimeouts, "idle", kTime, "\"10m\"", 0, 168 * kHour, "", kReloads,
     "with nothing from either side; 0: for ever (over 10m, TCP keepalive asks the server)"},
    {kTimeouts, "half_closed", kTime, "\"1m\"", 0, 168 * kHour, "", kReloads,
     "with nothing more, after one side has ended; 0: only idle ends it"},
    {kTimeouts, "total", kTime, "\"0\"", 0, 168 * kHour, "", kReloads,
     "a connection at all; 0: for ever"},
    {kTimeouts, "queue", kTime, "\"5s\"", 1, kHour, "", kReloads,
     "for a place at a server that is full"},
    {kTimeouts, "header", kTime, "\"5s\"", 100, kHour, "", kReloads,
     "for a client's PROXY header and TLS ClientHello"},
    {kTimeouts, "drain", kTime, "\"30s\"", 100, 24 * kHour, "", kRestart,
     "for connections to finish once the proxy is told to stop"},
    {kTimeouts, "drain_delay", kTime, "\"0\"", 0, kHour, "", kRestart,
     "to go on accepting then, while /healthz fails already"},

    {kNames, "resolvers", kTexts, "those of the system", 0, kResolversMost, "", kRestart,
     "DNS servers to ask: `10.0.0.2`, `127.0.0.1:5353`"},

    {kListen, "name", kText, "the address", 1, kNameMost, "", kReloads,
     "in logs, metrics and routes"},
    {kListen, "address", kText, "required", 1, kAddressMost, "", kReloads,
     "`0.0.0.0:443`, `[::]:443` or `unix:/path`"},
    {kListen, "protocol", kChoice, "\"tcp\"", 0, 0, "tcp", kReloads, "what is spoken there"},
    {kListen, "upstream", kText, "none", 1, kNameMost, "", kReloads,
     "who serves what no route takes"},
    {kListen, "max_connections", kNumber, "0", 0, kConnectionsMost, "", kReloads,
     "over all workers; 0: only that of limits"},
    {kListen, "backlog", kNumber, "4096", 1, 65535, "", kReloads,
     "connections that the kernel keeps until they are accepted"},
    {kListen, "proxy_protocol", kChoice, "\"off\"", 0, 0, "off|required", kReloads,
     "whether connections begin with a PROXY header, v1 or v2"},
    {kListen, "proxy_protocol_from", kTexts, "[]", 0, kNetworksMost, "", kReloads,
     "addresses and blocks that may send one"},
    {kListen, "allow", kTexts, "[]", 0, kNetworksMost, "", kReloads,
     "addresses and blocks that may connect; none: all"},
    {kListen, "deny", kTexts, "[]", 0, kNetworksMost, "", kReloads,
     "those that may not, even if allowed"},

    {kRoute, "sni", kTexts, "required", 1, kRoutesMost, "", kReloads,
     "names that a TLS client asks for: `example.com`, `*.example.com`"},
    {kRoute, "listen", kTexts, "all", 1, kListenersMost, "", kReloads, "names of listeners"},
    {kRoute, "upstream", kText, "required", 1, kNameMost, "", kReloads, "who serves them"},

    {kUpstream, "name", kText, "required", 1, kNameMost, "", kReloads, "in logs and metrics too"},
    {kUpstream, "balance", kChoice, "\"two-choices\"", 0, 0,
     "round-robin|least-connections|two-choices|hash", kReloads,
     "who gets the next connection; hash: by the client's address"},
    {kUpstream, "servers", kTables, "required", 1, kServersMost, "", kReloads,
     "tables, or addresses alone"},
    {kUpstream, "health", kTable, "no checks", 0, 0, "", kReloads, "checks that ask the servers"},
    {kUpstream, "ejection", kTable, "see there", 0, 0, "", kReloads,
     "what the connections themselves show"},
    {kUpstream, "on_down", kChoice, "\"keep\"", 0, 0, "keep|close", kReloads,
     "what becomes of connections to a server that is down"},
    {kUpstream, "retries", kNumber, "2", 0, 100, "", kReloads,
     "other servers tried when connecting fails"},
    {kUpstream, "queue", kNumber, "1024", 0, 1 << 20, "", kReloads,
     "connections that wait for a place at a server"},
    {kUpstream, "slow_start", kTime, "\"0\"", 0, kHour, "", kReloads,
     "for a server that comes back to get its full share"},
    {kUpstream, "send_proxy", kChoice, "\"off\"", 0, 0, "off|v1|v2", kReloads,
     "tell servers in a PROXY header who the client is"},
    {kUpstream, "forward", kChoice, "\"copy\"", 0, 0, "copy|splice|sockmap", kReloads,
     "how bytes pass: through memory of the proxy, or within the kernel"},
    {kUpstream, "source", kText, "the system's choice", 1, kAddressMost, "", kReloads,
     "IP address to connect from"},
    {kUpstream, "source_ports", kText, "the system's choice", 1, kNameMost, "", kReloads,
     "range of ports to connect from: `20000-29999`"},
    {kUpstream, "connect_timeout", kTime, "that of timeouts", 1, kHour, "", kReloads,
     "connect, for these servers"},
    {kUpstream, "idle_timeout", kTime, "that of timeouts", 0, 168 * kHour, "", kReloads,
     "idle, for these servers"},

    {kServer, "address", kText, "required", 1, kAddressMost, "", kReloads,
     "`10.0.0.1:80`, `[::1]:80`, `name:80`, `unix:/path` or `srv:_service._tcp.name`"},
    {kServer, "weight", kNumber, "1", 0, 1000, "", kReloads, "its share; 0: gets nothing new"},
    {kServer, "max_connections", kNumber, "0", 0, kConnectionsMost, "", kReloads,
     "over all workers; 0: no limit"},
    {kServer, "backup", kFlag, "false", 0, 0, "", kReloads, "used when no other is up"},
    {kServer, "check_address", kText, "the address", 1, kAddressMost, "", kReloads,
     "for health checks; `:8008` is another port of it"},

    {kHealth, "connect", kFlag, "none", 0, 0, "", kReloads, "good is who takes a connection"},
    {kHealth, "http", kText, "none", 1, kPathMost, "", kReloads,
     "good is who answers a GET of this path"},
    {kHealth, "status", kNumbers, "200 to 399", 100, 599, "", kReloads,
     "http: the answers that are good"},
    {kHealth, "host", kText, "the server's address", 1, kAddressMost, "", kReloads,
     "http: the Host header"},
    {kHealth, "send", kBytes, "none", 1, kPathMost, "", kReloads,
     "good is who answers this with what `expect` says"},
    {kHealth, "expect", kBytes, "none", 1, kPathMost, "", kReloads,
     "what the answer contains; without `send`, what the server says by itself"},
    {kHealth, "interval", kTime, "\"2s\"", 100, kHour, "", kReloads, "between two checks"},
    {kHealth, "timeout", kTime, "\"1s\"", 10, 10 * kMinute, "", kReloads, "of a check"},
    {kHealth, "rise", kNumber, "2", 1, 100, "", kReloads, "good checks that bring a server back"},
    {kHealth, "fall", kNumber, "3", 1, 100, "", kReloads, "bad checks that take it out"},

    {kEjection, "failures", kNumber, "5", 0, 1000, "", kReloads,
     "connections in a row that fail; 0: never ejected"},
    {kEjection, "time", kTime, "\"10s\"", 100, kHour, "", kReloads,
     "it is out; doubles each time it happens again"},
    {kEjection, "time_most", kTime, "\"5m\"", 100, 24 * kHour, "", kReloads,
     "where that doubling ends"},
    {kEjection, "percent_most", kNumber, "50", 1, 100, "", kReloads,
     "of the servers, that may be out at once"},
};

std::string from_to(const Key& key, auto format) {
  return fmt::format("{} to {}", format(key.least), format(key.most));
}

std::string size_text(std::int64_t bytes) { return format_size(static_cast<std::uint64_t>(bytes)); }

std::string time_text(std::int64_t ms) { return format_duration(std::chrono::milliseconds{ms}); }

std::string number_text(std::int64_t number) { return std::to_string(number); }

}  // namespace

std::string_view title(Section section) noexcept {
  constexpr std::string_view kTitles[] = {
      "the file",   "[workers]", "[admin]",      "[log]",   "[limits]", "[timeouts]", "[names]",
      "[[listen]]", "[[route]]", "[[upstream]]", "servers", "health",   "ejection"};
  return kTitles[static_cast<std::size_t>(section)];
}

std::span<const Key> config_keys() noexcept { return kKeys; }

const Key& config_key(Section section, std::string_view name) noexcept {
  const auto found = std::ranges::find_if(kKeys, [section, name](const Key& key) {
    return key.section == section && key.name == name;
  });
  OURO_CHECK(found != std::end(kKeys));
  return *found;
}

std::vector<std::string> names_of_keys(Section section) {
  std::vector<std::string> names;
  for (const Key& key : kKeys) {
    if (key.section == section) names.emplace_back(key.name);
  }
  return names;
}

std::vector<std::string> words_of(const Key& key) {
  std::vector<std::string> words{""};
  for (const char letter : key.words) {
    if (letter == '|') {
      words.emplace_back();
    } else {
      words.back() += letter;
    }
  }
  return words;
}

std::string range_of(const Key& key) {
  switch (key.type) {
    case kText:
    case kBytes:
      return from_to(key, number_text) + " letters";
    case kNumber:
    case kNumbers:
    case kCount:
      return from_to(key, number_text);
    case kSize:
      return from_to(key, size_text);
    case kTime:
      return from_to(key, time_text);
    case kFlag:
      return "true, false";
    case kChoice:
      return fmt::format("{}", fmt::join(words_of(key), ", "));
    case kTexts:
    case kTables:
      return fmt::format("at most {}", key.most);
    case kTable:
      return "";
  }
  return "";
}

std::string shape_of(const Key& key) {
  switch (key.type) {
    case kText:
    case kBytes:
      return fmt::format("text of {} in quotes", range_of(key));
    case kTexts:
      return "text in quotes, or a list of such";
    case kNumber:
      return "a whole number from " + range_of(key);
    case kNumbers:
      return fmt::format("a whole number from {}, or a list of at most {} such", range_of(key),
                         kNumbersMost);
    case kCount:
      return "\"auto\" or a whole number from " + range_of(key);
    case kSize:
      return fmt::format("a size from {}, such as \"256KiB\"", range_of(key));
    case kTime:
      return fmt::format("a time from {}, such as \"2s\"", range_of(key));
    case kFlag:
      return "true or false";
    case kChoice:
      return fmt::format("{}\"{}\"", key.words.find('|') == key.words.npos ? "" : "one of ",
                         fmt::join(words_of(key), "\", \""));
    case kTable:
      return "a table";
    case kTables:
      return "a list of tables";
  }
  return "";
}

}  // namespace ouro::proxy
