// The servers that are named in a config: looks them up, and tells the workers where they are.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "proxy/blueprint.h"
#include "proxy/name_watch.h"

namespace ouro::proxy {

// Lives in the attendant.
class Names {
 public:
  // There is another server in the slot now; kNone: there is none any more.
  using Moved = std::function<void(Slot slot, const Address& address)>;

  // `shared` and `resolver` outlive it.
  Names(Worker& worker, const Shared& shared, Resolver& resolver, Moved moved);

  // Looks for the names of this config. Those that stay are not looked up anew.
  void follow(const Blueprint& blueprint);

 private:
  struct Named {
    std::string upstream;
    Slots slots;
    std::optional<Address> source;  // only servers of its family can be connected to
    std::unique_ptr<NameWatch> watch;
  };

  void watch(Named& named, const ServerAddress& name);
  void publish(const Named& named, std::vector<NamedPlace> wanted);

  Worker& worker_;
  const Shared& shared_;
  Resolver& resolver_;
  const Moved moved_;
  std::map<Slot, std::unique_ptr<Named>> named_;  // by their first slot
};

}  // namespace ouro::proxy
