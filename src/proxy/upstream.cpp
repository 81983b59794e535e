#include "proxy/upstream.h"

#include <algorithm>

#include "base/log.h"
#include "base/units.h"
#include "proxy/balance/slow_start.h"

namespace ouro::proxy {
namespace {

// A place that another worker has freed is found by looking.
constexpr std::chrono::milliseconds kLookAtQueue{5};

bool contains(std::span<const unsigned> all, unsigned one) {
  return std::ranges::find(all, one) != all.end();
}

// The same in all workers and after a restart (FNV-1a).
std::uint64_t id_of(std::string_view address) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : address) {
    hash = (hash ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

std::string Server::to_string() const {
  return named ? config.address + " at " + place.address.to_string() : config.address;
}

Upstream::Upstream(const UpstreamConfig& config, const Config& whole, std::vector<Server> servers,
                   const Shared& shared, Worker& worker, unsigned worker_index)
    : config_(config),
      queue_limit_(whole.timeouts.queue),
      servers_(std::move(servers)),
      shared_(shared),
      worker_(worker),
      worker_index_(worker_index),
      balancer_(make_balancer(config.balance, worker_index)),
      candidates_(servers_.size()),
      budget_(whole.limits.retry_budget_percent),
      queue_timer_(worker, [this] { look_at_queue(); }) {
  for (Server& server : servers_) name(server);
  set_balanced();
}

void Upstream::name(Server& server) const {
  server.name = std::make_shared<const ServerName>(config_.name, server.place.address);
}

// A name's places count by their addresses, whichever slot these are in.
void Upstream::set_balanced() {
  std::vector<BalancedServer> balanced;
  balanced.reserve(servers_.size());
  for (const Server& server : servers_) {
    const std::string id = server.named ? server.place.address.to_string() : server.config.address;
    const bool there = server.place.address.family() != Address::Family::kNone;
    balanced.push_back({id_of(id), there ? server.place.weight * kWeightUnit : 0});
  }
  balancer_->set_servers(balanced);
}

// One load if nothing has changed, which is nearly always.
void Upstream::look_at_names() {
  const std::uint64_t version = shared_.places_version();
  if (version == places_version_) return;
  places_version_ = version;
  bool changed = false;
  for (Server& server : servers_) {
    if (!server.named) continue;
    auto place = shared_.named_place(server.slot);
    if (!place) {
      places_version_ = ~std::uint64_t{0};
      continue;
    }
    if (place->weight == 0 || server.config.weight == 0) place->weight = server.config.weight;
    place->backup = place->backup || server.config.backup;
    if (*place == server.place) continue;
    server.place = *place;
    name(server);
    changed = true;
  }
  if (changed) set_balanced();
}

bool Upstream::is_ejected(const ServerState& state) const noexcept {
  return state.ejected_until_ns.load() > worker_.now_ns();
}

bool Upstream::is_up(const Server& server, bool ejected_too) const noexcept {
  const ServerState& state = shared_.server(server.slot);
  if (state.draining.load() || state.health.load() == Health::kDown) return false;
  if (server.place.address.family() == Address::Family::kNone) return false;
  return server.place.weight > 0 && (ejected_too || !is_ejected(state));
}

void Upstream::look_at_servers(bool backups, bool ejected_too, std::span<const unsigned> tried) {
  const std::uint64_t now = worker_.now_ns();
  some_up_ = false;
  for (unsigned i = 0; i < servers_.size(); ++i) {
    const Server& server = servers_[i];
    Candidate& candidate = candidates_[i];
    candidate.usable =
        server.place.backup == backups && is_up(server, ejected_too) && !contains(tried, i);
    if (!candidate.usable) continue;
    some_up_ = true;
    const ServerState& state = shared_.server(server.slot);
    const std::uint64_t since =
        std::max(state.up_since_ns.load(), std::min(state.ejected_until_ns.load(), now));
    candidate.weight = effective_weight(server.place.weight, now - std::min(now, since),
                                        as_ns(config_.slow_start));
    candidate.load = shared_.connections_of_server(server.slot);
    const std::uint64_t most = server.config.max_connections;
    candidate.usable = most == 0 || candidate.load < most;
  }
}

// Backups only when nobody else is up; those that were ejected only when that leaves nobody at all.
Upstream::Choice Upstream::choose(std::uint64_t client, std::span<const unsigned> tried) {
  look_at_names();
  for (const bool ejected_too : {false, true}) {
    for (const bool backups : {false, true}) {
      look_at_servers(backups, ejected_too, tried);
      if (some_up_) return pick_one(client);
    }
  }
  return {};
}

// Its last place may be taken by another worker in this very moment, or it may begin to drain: who
// says so and then sees nobody there has to be right.
Upstream::Choice Upstream::pick_one(std::uint64_t client) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const int picked = balancer_->pick(candidates_, client);
    if (picked < 0) break;
    const auto index = static_cast<unsigned>(picked);
    const Server& server = servers_[index];
    if (shared_.claim_server(worker_index_, server.slot, server.config.max_connections)) {
      if (!shared_.server(server.slot).draining.load()) {
        account(index).begun.add();
        return {Outcome::kChosen, index};
      }
      shared_.unclaim_server(worker_index_, server.slot);
    }
    candidates_[index].usable = false;
  }
  return {Outcome::kFull, 0};
}

void Upstream::place_is_free() {
  if (!queue_.empty()) queue_timer_.start(std::chrono::nanoseconds{0});  // not from inside here
}

void Upstream::connected(unsigned server) {
  ServerState& state = shared_.server(servers_[server].slot);
  // Read first: the line is everybody's, and almost always says zero.
  if (state.failures.load() != 0) state.failures.store(0);
  if (state.ejections.load() != 0 && !is_ejected(state)) state.ejections.store(0);
}

void Upstream::failed(unsigned server) {
  account(server).failed.add();
  const EjectionConfig& ejection = config_.ejection;
  ServerState& state = shared_.server(servers_[server].slot);
  if (ejection.failures == 0 || state.failures.fetch_add(1) + 1 < ejection.failures) return;
  if (is_ejected(state) || !may_eject()) return;
  const std::uint32_t times = std::min(state.ejections.fetch_add(1), 20U);
  const auto out = std::min<milliseconds>(ejection.time * (1L << times), ejection.time_most);
  state.failures.store(0);
  state.ejected_until_ns.store(worker_.now_ns() + as_ns(out));
  log::warn("server_ejected", {{"upstream", config_.name},
                               {"server", servers_[server].to_string()},
                               {"failures", ejection.failures},
                               {"for", format_duration(out)}});
}

bool Upstream::may_eject() const noexcept {
  std::size_t all = 0;
  std::size_t out = 1;
  for (const Server& one : servers_) {
    if (one.place.address.family() == Address::Family::kNone) continue;
    ++all;
    if (is_ejected(shared_.server(one.slot))) ++out;
  }
  return out * 100 <= all * config_.ejection.percent_most;
}

bool Upstream::wait(Waiter& waiter) {
  if (waiting_ >= config_.queue) return false;
  if (waiter.until_ns == 0) waiter.until_ns = worker_.now_ns() + as_ns(queue_limit_);
  queue_.push_back(waiter);
  ++waiting_;
  if (!queue_timer_.running()) queue_timer_.start(kLookAtQueue);
  return true;
}

void Upstream::stop_waiting(Waiter& waiter) noexcept {
  if (!waiter.linked()) return;
  waiter.unlink();
  --waiting_;
}

// Somebody who finds nothing after all stands at the end again; so no more are asked than there
// are.
void Upstream::look_at_queue() {
  look_at_names();
  const std::uint64_t now = worker_.now_ns();
  for (std::size_t left = waiting_; left > 0 && !queue_.empty(); --left) {
    Waiter& first = *queue_.front();
    const bool late = now >= first.until_ns;
    if (!late) {
      look_at_servers(false, false, {});
      const bool free = std::ranges::any_of(candidates_, &Candidate::eligible);
      if (some_up_ && !free) break;
    }
    stop_waiting(first);
    late ? first.waited_too_long() : first.place_may_be_free();
  }
  if (!queue_.empty()) queue_timer_.start(kLookAtQueue);
}

}  // namespace ouro::proxy
