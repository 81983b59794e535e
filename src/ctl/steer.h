// `ouro ctl`: what is asked of a running server, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ouro/address.h"

namespace ouro::ctl {

enum class What : std::uint8_t {
  kStatus,
  kReload,
  kUpgrade,
  kDrain,
  kServers,
  kServerDrain,
  kServerReady
};

struct Wish {
  What what = What::kStatus;
  std::string server;  // kServerDrain, kServerReady
  bool json = false;
  std::chrono::milliseconds timeout{};  // for one answer
  bool wait = false;                    // kServerDrain: until it has no connection any more
  std::optional<std::chrono::milliseconds> wait_most;  // none: however long that takes
};

struct Outcome {
  bool done = false;
  std::string out{};                  // for stdout, newline included
  std::vector<std::string> errors{};  // each a line for stderr
};

[[nodiscard]] Outcome carry_out(const Address& server, const Wish& wish);

}  // namespace ouro::ctl
