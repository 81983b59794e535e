#include "proxy/attendant.h"

#include "base/log.h"
#include "os/clock.h"

namespace ouro::proxy {
namespace {

constexpr std::chrono::milliseconds kDrainEvery{50};
constexpr std::chrono::milliseconds kRetryWhenLeaving{5};

}  // namespace

Attendant::Attendant(const Blueprint& blueprint, const Shared& shared, const LogRings& rings,
                     os::OutputKind stdout_kind, Worker& worker)
    : resolver_(std::make_unique<Resolver>(worker, blueprint.config.names.resolvers)),
      health_(worker, shared, *resolver_),
      names_(worker, shared, *resolver_,
             [this](Slot slot, const Address& address) { health_.moved(slot, address); }),
      stdout_kind_(stdout_kind),
      log_(rings),
      log_timer_(worker, [this] { drain_log(); }) {
  follow(blueprint);
}

// The master has read the same and found it good.
void Attendant::reconfigure(std::string_view plan) {
  const auto blueprint = decode(plan);
  if (!blueprint) return log::error("reload_failed", {{"reason", blueprint.error().what}});
  follow(*blueprint);
}

// Files for the log follow, and are in force together with this.
void Attendant::follow(const Blueprint& blueprint) {
  log_config_ = blueprint.config.log;
  health_.follow(blueprint);
  names_.follow(blueprint);
}

void Attendant::use_files(std::vector<os::Fd>&& files) {
  AccessTarget target;
  if (!files.empty()) target = {std::move(files.front()), log_config_.access, stdout_kind_};
  log_.write_to(std::move(target), log_config_.access_format);
  log_.is_on() ? log_timer_.start(kDrainEvery) : log_timer_.stop();
}

void Attendant::leave(const std::function<void()>& done) {
  left_ = done;
  drain_log();
}

void Attendant::drain_log() {
  if (log_.is_on()) log_.drain(os::now_ns());
  if (left_ && log_.is_drained()) return left_();
  log_timer_.start(left_ ? kRetryWhenLeaving : kDrainEvery);
}

}  // namespace ouro::proxy
