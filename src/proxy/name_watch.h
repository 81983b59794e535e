// One name of a config, looked up again and again, as the DNS says it may be kept.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ouro/worker.h"
#include "proxy/config/server_address.h"
#include "proxy/resolver.h"
#include "proxy/service_choice.h"

namespace ouro::proxy {

class NameWatch {
 public:
  // Told after each lookup that found something, never of nothing: what was known stays.
  using Told = std::function<void(const std::vector<NamedPlace>& places)>;

  // `upstream` is for the log. The resolver outlives it.
  NameWatch(Worker& worker, Resolver& resolver, ServerAddress name, std::string upstream,
            Told told);

  // Looks for the first time. It may be told before this returns.
  void begin() { look(); }

 private:
  // One lookup. Answers that come after it is gone are for nobody.
  struct Round {
    std::vector<ServiceTarget> targets;
    std::size_t waiting = 0;  // for addresses of so many of them
    std::chrono::seconds keep{};
    std::string trouble;
  };

  void look();
  void services_found(Services services);
  void find_targets();
  void addresses_found(std::size_t target, const Addresses& addresses);
  void finish();
  void failed(const std::string& why);

  Resolver& resolver_;
  const ServerAddress name_;
  const std::string upstream_;
  const Told told_;
  std::shared_ptr<Round> round_;
  std::chrono::seconds retry_;
  bool known_to_fail_ = false;
  Timer timer_;
};

}  // namespace ouro::proxy
