#include "proxy/server_check.h"

#include <algorithm>

#include "base/log.h"

namespace ouro::proxy {
namespace {

bool is_there(const Address& address) { return address.family() != Address::Family::kNone; }

std::string server_name(const ServerAddress& server, const Address& address) {
  if (server.kind == ServerAddress::Kind::kAddress) return server.to_string();
  return server.to_string() + " at " + address.to_string();
}

}  // namespace

void set_health(const Shared& shared, Slot slot, Health health, std::uint64_t now_ns) {
  ServerState& state = shared.server(slot);
  (health == Health::kUp ? state.up_since_ns : state.down_since_ns).store(now_ns);
  state.health.store(health);
}

ServerCheck::ServerCheck(CheckGround& ground, Slot slot)
    : ground_(ground),
      slot_(slot),
      count_(ground.shared.server(slot).health.load() == Health::kUp),
      timer_(ground.worker, [this] { check(); }) {}

void ServerCheck::stop() {
  if (probe_ != nullptr) probe_->forget();
  probe_ = nullptr;
  timer_.stop();
}

void ServerCheck::set_target(CheckTarget target) {
  const bool elsewhere = target.check_address != target_.check_address;
  const bool otherwise = target_.plan != nullptr && !(target.plan->health == target_.plan->health);
  if (otherwise) timer_.stop();  // or it would wait for what may have been an hour
  target_ = std::move(target);
  if (elsewhere) look_for_check_address();
}

void ServerCheck::look_for_check_address() {
  check_name_.reset();
  check_at_ = {};
  const std::string& text = target_.check_address;
  if (text.empty()) return;
  const auto parsed = ServerAddress::parse(text.starts_with(':') ? "127.0.0.1" + text : text);
  if (!parsed) return;  // read_config() has seen to it
  check_at_ = parsed->address;
  if (parsed->kind == ServerAddress::Kind::kAddress) return;
  check_name_ =
      std::make_unique<NameWatch>(ground_.worker, ground_.resolver, *parsed, target_.upstream,
                                  [this](const std::vector<NamedPlace>& places) {
                                    check_at_ = places.front().address;
                                    if (probe_ == nullptr && !timer_.running()) check();
                                  });
  check_name_->begin();
}

void ServerCheck::set_address(const Address& address, std::chrono::nanoseconds wait) {
  address_ = address;
  if (!is_there(address_)) return stop();
  if (probe_ == nullptr && !timer_.running()) timer_.start(wait);
}

void ServerCheck::replace(const Address& address) {
  stop();
  count_ = RiseFall(true);
  set_address(address, std::chrono::nanoseconds{0});
}

// kNone: not known yet.
Address ServerCheck::where() const {
  if (target_.check_address.empty()) return address_;
  if (target_.check_address.starts_with(':')) return address_.with_port(check_at_.port());
  return check_at_;
}

void ServerCheck::check() {
  const Address to = where();
  if (!is_there(address_) || !is_there(to)) return;
  begun_ns_ = ground_.worker.now_ns();
  auto& probes = ground_.probes;
  auto probe = std::make_unique<Probe>(
      ground_.worker, target_.plan, host_at(to), to == address_,
      [this](const std::optional<std::string>& why) { judged(why); },
      [&probes](Probe& over) { probes.erase(&over); });
  if (probe->begin(to)) {
    probe_ = probe.get();
    probes.emplace(probe_, std::move(probe));
    return;
  }
  check_again();
}

std::string ServerCheck::host_at(const Address& to) const {
  if (!target_.plan->health.host.empty()) return target_.plan->health.host;
  if (to.is_unix()) return "localhost";
  if (target_.server.kind != ServerAddress::Kind::kName) return to.to_string();
  return target_.server.host + ":" + std::to_string(to.port());
}

void ServerCheck::judged(const std::optional<std::string>& why) {
  probe_ = nullptr;
  const HealthConfig& health = target_.plan->health;
  if (why && count_.count(why->empty(), health.rise, health.fall)) {
    const bool up = count_.is_up();
    set_health(ground_.shared, slot_, up ? Health::kUp : Health::kDown, ground_.worker.now_ns());
    const unsigned checks = up ? health.rise : health.fall;
    log::write(up ? log::Level::kInfo : log::Level::kWarn, up ? "server_up" : "server_down",
               {{"upstream", target_.upstream},
                {"server", server_name(target_.server, address_)},
                {"why", up ? "it passes its checks" : *why},
                {"checks", checks}});
  }
  check_again();
}

// From beginning to beginning it is the interval.
void ServerCheck::check_again() {
  const auto now = static_cast<std::int64_t>(ground_.worker.now_ns());
  const auto wait = jittered(target_.plan->health.interval, ground_.random);
  const auto left = static_cast<std::int64_t>(begun_ns_) + wait.count() - now;
  timer_.start(std::chrono::nanoseconds{std::max<std::int64_t>(0, left)});
}

}  // namespace ouro::proxy
