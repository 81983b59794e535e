// The servers of a config by the names that `ouro ctl` has for them: how they are, and which of
// them are to get nothing new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ouro/worker.h"
#include "proxy/blueprint.h"

namespace ouro::proxy {

// One server of one upstream, as the config has it; a name stands for all its slots.
struct SteeredServer {
  std::string name;  // "web/10.0.0.1:80"
  std::string upstream;
  ServerConfig config;
  bool named = false;
  Slots slots;
};

[[nodiscard]] std::vector<SteeredServer> steered_servers(const Blueprint& blueprint);

// Which one is meant: by its name, or by its address if only one has that. Else why none is, with
// what may have been meant.
[[nodiscard]] std::expected<std::size_t, std::string> find_server(
    std::span<const SteeredServer> servers, std::string_view asked);

// "up", "down", "draining", "drained", "ejected", or "none" where a name has no server now.
[[nodiscard]] std::string_view state_word(const ServerState& state, bool there,
                                          std::uint64_t connections, std::uint64_t now_ns);

// Lives in the attendant. Draining is in Shared, so that it outlives this process.
class Steering {
 public:
  Steering(Worker& worker, const Shared& shared);

  void follow(const Blueprint& blueprint) { servers_ = steered_servers(blueprint); }

  // docs/ctl.md has the keys.
  [[nodiscard]] std::string servers_json() const;
  // Gives what was done, as JSON; else why nothing was.
  [[nodiscard]] std::expected<std::string, std::vector<std::string>> set_draining(
      std::string_view asked, bool draining);

 private:
  Worker& worker_;
  const Shared& shared_;
  // From our clock to the wall's, once for all, so that a time stays what it was said to be.
  const std::uint64_t to_wall_ns_;
  std::vector<SteeredServer> servers_;
};

}  // namespace ouro::proxy
