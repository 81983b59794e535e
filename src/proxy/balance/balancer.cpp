#include "proxy/balance/balancer.h"

#include "proxy/balance/least_connections.h"
#include "proxy/balance/maglev.h"
#include "proxy/balance/smooth_round_robin.h"
#include "proxy/balance/two_choices.h"

namespace ouro::proxy {

std::unique_ptr<Balancer> make_balancer(Balance kind, unsigned worker) {
  switch (kind) {
    case Balance::kRoundRobin:
      return std::make_unique<SmoothRoundRobin>(worker);
    case Balance::kLeastConnections:
      return std::make_unique<LeastConnections>(worker);
    case Balance::kTwoChoices:
      return std::make_unique<TwoChoices>(worker);
    case Balance::kHash:
      return std::make_unique<Maglev>();
  }
  return nullptr;
}

}  // namespace ouro::proxy
