// What `ouro proxy` is told to do: a value, read from TOML (config_reader.h), checked as a whole
// and then never changed. docs/config.md says what each key means to a user.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "ouro/address.h"
#include "ouro/options.h"
#include "proxy/config/network.h"

namespace ouro::proxy {

using std::chrono::milliseconds;

// A place in the files the config was read from.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  [[nodiscard]] bool operator==(const Place&) const = default;
};

struct WorkersConfig {
  unsigned count = 0;  // 0: one per CPU
  EngineChoice engine = EngineChoice::kAuto;
  std::string user;
  bool sandbox = true;
  [[nodiscard]] bool operator==(const WorkersConfig&) const = default;
};

enum class AccessFormat : std::uint8_t { kText, kJson };

struct LogConfig {
  log::Level level = log::Level::kInfo;
  std::string access = "off";  // "off", "stdout", "syslog" or the path of a file
  AccessFormat access_format = AccessFormat::kText;
  [[nodiscard]] bool has_access() const noexcept { return access != "off"; }
  [[nodiscard]] bool operator==(const LogConfig&) const = default;
};

struct LimitsConfig {
  std::uint64_t max_connections = 0;             // over all workers; 0: what open files allow
  std::uint64_t max_connections_per_client = 0;  // per client address and worker set; 0: none
  std::uint64_t connection_rate_per_client = 0;  // new ones a second; 0: none
  std::uint64_t window_bytes = std::uint64_t{256} << 10;
  std::uint64_t retry_budget_percent = 20;  // retries, of a hundred connections
  [[nodiscard]] bool operator==(const LimitsConfig&) const = default;
};

// Zero turns one off, where that is allowed.
struct TimeoutsConfig {
  milliseconds connect{5'000};
  milliseconds idle{600'000};        // neither side says anything
  milliseconds half_closed{60'000};  // one side has ended, the other says nothing
  milliseconds total{0};
  milliseconds queue{5'000};   // waiting for a place at a server
  milliseconds header{5'000};  // PROXY header and ClientHello
  milliseconds drain{30'000};
  milliseconds drain_delay{0};
  [[nodiscard]] bool operator==(const TimeoutsConfig&) const = default;
};

struct NamesConfig {
  std::vector<Address> resolvers;  // empty: those of the system
  [[nodiscard]] bool operator==(const NamesConfig&) const = default;
};

enum class Protocol : std::uint8_t { kTcp };
// What a connection begins with that says where it comes from.
enum class ProxyHeaderIn : std::uint8_t { kOff, kRequired };

struct ListenConfig {
  Place place;
  std::string name;  // in logs and metrics; the address if it has none
  Address address;
  Protocol protocol = Protocol::kTcp;
  std::string upstream;  // empty: by SNI alone
  std::uint64_t max_connections = 0;
  int backlog = 4096;
  ProxyHeaderIn proxy_protocol = ProxyHeaderIn::kOff;
  std::vector<Network> proxy_protocol_from;  // who may send such a header; Unix peers always may
  std::vector<Network> allow;                // empty: everybody
  std::vector<Network> deny;                 // wins over allow
  [[nodiscard]] bool operator==(const ListenConfig&) const = default;
};

// TLS passed through to an upstream chosen by the name in its ClientHello.
struct SniRoute {
  Place place;
  std::string host;                    // "example.com", "*.example.com"; in small letters
  std::vector<std::string> listeners;  // names; empty: all of them
  std::string upstream;
  [[nodiscard]] bool operator==(const SniRoute&) const = default;
};

enum class Balance : std::uint8_t { kRoundRobin, kLeastConnections, kTwoChoices, kHash };
enum class ProxyHeaderOut : std::uint8_t { kOff, kV1, kV2 };
enum class Forward : std::uint8_t { kCopy, kSplice, kSockmap };
enum class OnDown : std::uint8_t { kKeep, kClose };

struct ServerConfig {
  Place place;
  std::string address;  // as written: "10.0.0.1:80", "db.example:5432", "srv:_pg._tcp.example"
  unsigned weight = 1;  // 0 to 1000; 0: gets nothing new
  std::uint64_t max_connections = 0;
  bool backup = false;        // used when no other is up
  std::string check_address;  // for health checks, if not the same; ":8008" is another port of it
  [[nodiscard]] bool operator==(const ServerConfig&) const = default;
};

enum class Check : std::uint8_t { kConnect, kExchange, kHttp };

struct HealthConfig {
  Check check = Check::kConnect;
  std::string send;              // kExchange: said after connecting
  std::string expect;            // kExchange: what the answer contains
  std::string path;              // kHttp
  std::string host;              // kHttp; empty: the server's address
  std::vector<unsigned> status;  // kHttp: the good ones; empty: 200 to 399
  milliseconds interval{2'000};
  milliseconds timeout{1'000};
  unsigned rise = 2;
  unsigned fall = 3;
  [[nodiscard]] bool operator==(const HealthConfig&) const = default;
};

// Passive: what connections show.
struct EjectionConfig {
  unsigned failures = 5;      // in a row; 0: never ejected
  milliseconds time{10'000};  // doubles each time it happens again
  milliseconds time_most{300'000};
  unsigned percent_most = 50;  // of an upstream's servers that may be out at once
  [[nodiscard]] bool operator==(const EjectionConfig&) const = default;
};

struct UpstreamConfig {
  Place place;
  std::string name;
  Balance balance = Balance::kTwoChoices;
  std::vector<ServerConfig> servers;
  std::optional<HealthConfig> health;
  EjectionConfig ejection;
  OnDown on_down = OnDown::kKeep;
  unsigned retries = 2;        // other servers tried when connecting fails
  std::uint64_t queue = 1024;  // connections that wait for a place, over all its servers
  milliseconds slow_start{0};
  ProxyHeaderOut send_proxy = ProxyHeaderOut::kOff;
  Forward forward = Forward::kCopy;
  std::optional<Address> source;        // to connect from; port 0: any
  std::uint16_t source_port_first = 0;  // a range of ports to connect from; 0: the system's
  std::uint16_t source_port_last = 0;
  std::optional<milliseconds> connect_timeout;  // else those of [timeouts]
  std::optional<milliseconds> idle_timeout;
  [[nodiscard]] bool operator==(const UpstreamConfig&) const = default;
};

struct Config {
  WorkersConfig workers;
  std::optional<Address> admin;
  LogConfig log;
  LimitsConfig limits;
  TimeoutsConfig timeouts;
  NamesConfig names;
  std::vector<ListenConfig> listeners;
  std::vector<SniRoute> routes;
  std::vector<UpstreamConfig> upstreams;
  [[nodiscard]] bool operator==(const Config&) const = default;
};

}  // namespace ouro::proxy
