// Which servers are up: asks them, whatever the number of workers, once each.
#pragma once

#include <map>
#include <memory>

#include "proxy/blueprint.h"
#include "proxy/server_check.h"

namespace ouro::proxy {

// Lives in the attendant. What it finds out goes to the workers by ServerState.
class HealthChecks {
 public:
  // `shared` and `resolver` outlive it.
  HealthChecks(Worker& worker, const Shared& shared, Resolver& resolver);

  // Checks what this config says. Of servers that stay, what is known stays.
  void follow(const Blueprint& blueprint);
  // A name has another server in this slot, or none (kNone).
  void moved(Slot slot, const Address& address);

 private:
  using Checks = std::map<Slot, std::unique_ptr<ServerCheck>>;

  void follow_server(Slot slot, CheckTarget target, std::chrono::nanoseconds wait, Checks& now);

  CheckGround ground_;
  Checks checks_;
};

}  // namespace ouro::proxy
