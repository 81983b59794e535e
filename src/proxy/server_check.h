// The checks of one server, again and again, and what they make of it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "proxy/config/server_address.h"
#include "proxy/name_watch.h"
#include "proxy/probe.h"
#include "proxy/rise_fall.h"
#include "proxy/shared.h"

namespace ouro::proxy {

// What is checked, as the config has it.
struct CheckTarget {
  std::string upstream;
  ServerAddress server;
  std::string check_address;  // empty: the server's
  std::shared_ptr<const CheckPlan> plan;
};

// What all checks of a process have in common.
struct CheckGround {
  Worker& worker;
  const Shared& shared;
  Resolver& resolver;
  std::map<const Probe*, std::unique_ptr<Probe>> probes;  // each has a connection
  Random random;
};

// A server that has no address is not checked.
class ServerCheck {
 public:
  // Begins with what Shared says of the slot. The ground outlives it.
  ServerCheck(CheckGround& ground, Slot slot);
  ~ServerCheck() { stop(); }

  // What has been counted so far stays. set_address() is to follow.
  void set_target(CheckTarget target);
  // The first check of an address comes after `wait`; one that is checked already goes on.
  void set_address(const Address& address, std::chrono::nanoseconds wait);
  // Another server is in its place, of which nothing is known.
  void replace(const Address& address);

 private:
  void stop();
  void check();
  void look_for_check_address();
  [[nodiscard]] Address where() const;
  [[nodiscard]] std::string host_at(const Address& to) const;
  void judged(const std::optional<std::string>& why);
  void check_again();

  CheckGround& ground_;
  const Slot slot_;
  CheckTarget target_;
  Address address_;                        // kNone: there is none
  Address check_at_;                       // of a check_address that is a whole address
  std::unique_ptr<NameWatch> check_name_;  // or the name of one
  RiseFall count_;
  Probe* probe_ = nullptr;  // that has not judged yet
  std::uint64_t begun_ns_ = 0;
  Timer timer_;
};

// Says it to the workers and to the log.
void set_health(const Shared& shared, Slot slot, Health health, std::uint64_t now_ns);

}  // namespace ouro::proxy
