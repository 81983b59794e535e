// A config, and where its parts have their places in what the processes share. The master makes one
// at the start and at each reload, and the others are told it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "host/application.h"
#include "proxy/config/config_reader.h"
#include "proxy/shared.h"

namespace ouro::proxy {

using Slots = std::vector<Slot>;

struct Blueprint {
  Config config;
  ConfigFiles files;                        // that it was read from
  std::vector<host::ListenerId> listeners;  // of config.listeners, in their order
  // Of the servers of config.upstreams; of one that is a name, kSlotsOfName.
  std::vector<std::vector<Slots>> servers;
};

// For another process, which reads the files again: what is sent is what was read, and no second
// form of a config has to be kept in step with the first.
[[nodiscard]] std::string encode(const Blueprint& blueprint);
[[nodiscard]] Result<Blueprint> decode(std::string_view bytes);

}  // namespace ouro::proxy
