// Options that are good one by one and impossible together, found before anything is bound. What
// only the kernel can know is not here: Worker::create says that.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "host/host.h"

namespace ouro::cli {

struct Conflict {
  std::string option;
  std::string reason;
};

// Whether the option was on the command line, as opposed to its default being in force.
using Given = std::function<bool(const std::string& option)>;

// The first impossible combination, if there is one.
[[nodiscard]] std::optional<Conflict> find_conflict(const host::HostOptions& options,
                                                    const Given& given);

}  // namespace ouro::cli
