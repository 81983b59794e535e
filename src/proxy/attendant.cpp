#include "proxy/attendant.h"

#include "base/log.h"
#include "os/clock.h"
#include "proxy/metrics.h"

namespace ouro::proxy {
namespace {

constexpr std::chrono::milliseconds kDrainEvery{50};
constexpr std::chrono::milliseconds kRetryWhenLeaving{5};

}  // namespace

Attendant::Attendant(Blueprint blueprint, const Shared& shared, const LogRings& rings,
                     os::OutputKind stdout_kind, Worker& worker)
    : shared_(shared),
      blueprint_(std::move(blueprint)),
      resolver_(std::make_unique<Resolver>(worker, blueprint_.config.names.resolvers)),
      health_(worker, shared, *resolver_),
      names_(worker, shared, *resolver_,
             [this](Slot slot, const Address& address) { health_.moved(slot, address); }),
      steering_(worker, shared),
      stdout_kind_(stdout_kind),
      log_(rings),
      log_timer_(worker, [this] { drain_log(); }) {
  follow();
}

// The master has read the same and found it good.
void Attendant::reconfigure(std::string_view plan) {
  auto blueprint = decode(plan);
  if (!blueprint) return log::error("reload_failed", {{"reason", blueprint.error().what}});
  blueprint_ = std::move(*blueprint);
  follow();
}

// Files for the log follow, and are in force together with this.
void Attendant::follow() {
  health_.follow(blueprint_);
  names_.follow(blueprint_);
  steering_.follow(blueprint_);
}

void Attendant::use_files(std::vector<os::Fd>&& files) {
  const LogConfig& config = blueprint_.config.log;
  AccessTarget target;
  if (!files.empty()) target = {std::move(files.front()), config.access, stdout_kind_};
  log_.write_to(std::move(target), config.access_format);
  log_.is_on() ? log_timer_.start(kDrainEvery) : log_timer_.stop();
}

host::AttendantService::Facts Attendant::facts() const {
  const auto& files = blueprint_.files.files;
  return {{"config", files.empty() ? "" : files.front().name}};
}

void Attendant::append_metrics(std::string& page) const {
  proxy::append_metrics(page, blueprint_, shared_, os::now_ns());
  log_.append_metrics(page);
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
