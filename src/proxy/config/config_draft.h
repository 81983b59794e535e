// A config while it is read, over all of its files: what is there so far, and what has to be looked
// at once everything is.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/config/config_errors.h"
#include "proxy/config/table_reader.h"

namespace ouro::proxy {

// Where a config says the name of something that is elsewhere in it.
struct Reference {
  Place place;
  std::string name;
};

// Which listeners a host name is routed at already, and where that is said.
struct RoutedHost {
  std::optional<Place> everywhere;
  std::map<std::string, Place> listeners;
};

struct Draft {
  Config config;
  ConfigErrors errors;
  std::size_t servers = 0;       // of all upstreams
  std::size_t routed = 0;        // host names of routes times listeners that these are for by name
  bool routing_is_whole = true;  // nothing of listeners and routes was left out for being wrong

  // What was seen, and where, to refuse it when it comes again.
  std::map<std::string, Place> keys;  // "limits.window"
  std::map<std::string, Place> listener_names;
  std::map<std::string, Place> addresses;  // that are listened on
  std::map<std::string, Place> upstream_names;
  std::map<std::string, RoutedHost> hosts;

  std::vector<Reference> to_upstreams;
  std::vector<Reference> to_listeners;
};

// Notes that `what` is at `place`, unless it was seen before: then says where.
[[nodiscard]] std::optional<Place> seen_before(std::map<std::string, Place>& seen,
                                               const std::string& what, const Place& place);

// Refuses an address, the value of the key `address`, that is listened on already. True if it is
// this one's alone, which port 0 never is: it is another port each time, and may be there again.
bool claim_address(TableReader& reader, const Address& address, Draft& draft);

// Each reads one table into the draft.
void read_workers(const Node& table, Draft& draft);
void read_admin(const Node& table, Draft& draft);
void read_log(const Node& table, Draft& draft);
void read_limits(const Node& table, Draft& draft);
void read_timeouts(const Node& table, Draft& draft);
void read_names(const Node& table, Draft& draft);
void read_listen(const Node& table, Draft& draft);
void read_route(const Node& table, Draft& draft);
void read_upstream(const Node& table, Draft& draft);

// Parts of an upstream.
void read_health(const Node& table, ConfigErrors& errors, HealthConfig& health);
void read_ejection(const Node& table, ConfigErrors& errors, EjectionConfig& ejection);

// What can only be said once all is read: names that nothing has, listeners that serve nobody.
void check_together(Draft& draft);

}  // namespace ouro::proxy
