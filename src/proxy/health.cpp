#include "proxy/health.h"

#include "base/log.h"

namespace ouro::proxy {
namespace {

std::size_t count_checked(const Blueprint& blueprint) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < blueprint.servers.size(); ++i) {
    if (!blueprint.config.upstreams[i].health) continue;
    for (const Slots& slots : blueprint.servers[i]) count += slots.size();
  }
  return count;
}

// Who is not checked is taken for up.
void leave_unchecked(const Shared& shared, Slot slot, const UpstreamConfig& upstream,
                     const ServerConfig& server, std::uint64_t now_ns) {
  if (shared.server(slot).health.load() == Health::kUp) return;
  set_health(shared, slot, Health::kUp, now_ns);
  log::info("server_up", {{"upstream", upstream.name},
                          {"server", server.address},
                          {"why", "it is not checked any more"}});
}

}  // namespace

HealthChecks::HealthChecks(Worker& worker, const Shared& shared, Resolver& resolver)
    : ground_{worker, shared, resolver, {}, Random(shared.secret())} {}

void HealthChecks::follow(const Blueprint& blueprint) {
  Checks now;
  const std::size_t count = count_checked(blueprint);
  for (std::size_t i = 0; i < blueprint.servers.size(); ++i) {
    const UpstreamConfig& upstream = blueprint.config.upstreams[i];
    std::shared_ptr<const CheckPlan> plan;
    if (upstream.health) {
      plan =
          std::make_shared<const CheckPlan>(*upstream.health, upstream.source, upstream.send_proxy);
    }
    for (std::size_t j = 0; j < upstream.servers.size(); ++j) {
      const ServerConfig& server = upstream.servers[j];
      const auto address = ServerAddress::parse(server.address).value_or(ServerAddress{});
      for (const Slot slot : blueprint.servers[i][j]) {
        if (plan == nullptr) {
          leave_unchecked(ground_.shared, slot, upstream, server, ground_.worker.now_ns());
          continue;
        }
        follow_server(slot, {upstream.name, address, server.check_address, plan},
                      first_wait(now.size(), count, upstream.health->interval), now);
      }
    }
  }
  checks_ = std::move(now);
}

void HealthChecks::follow_server(Slot slot, CheckTarget target, std::chrono::nanoseconds wait,
                                 Checks& now) {
  auto& check = now[slot];
  check = std::move(checks_[slot]);
  if (check == nullptr) check = std::make_unique<ServerCheck>(ground_, slot);
  Address address = target.server.address;
  if (target.server.kind != ServerAddress::Kind::kAddress) {
    address = ground_.shared.named_place(slot).value_or(NamedPlace{}).address;
  }
  check->set_target(std::move(target));
  check->set_address(address, wait);
}

void HealthChecks::moved(Slot slot, const Address& address) {
  const auto found = checks_.find(slot);
  if (found != checks_.end()) found->second->replace(address);
}

}  // namespace ouro::proxy
