#include "proxy/service.h"

#include <array>

#include "base/log.h"

namespace ouro::proxy {
namespace {

constexpr std::chrono::milliseconds kLookAtHealth{100};
constexpr unsigned kLooksAtDown = 2;
// So many sessions at a time are asked for spliced bytes: that takes a fraction of a millisecond.
constexpr std::chrono::milliseconds kCountSpliced{250};
constexpr std::uint32_t kCountedAtOnce = 2048;

ClientLimitsOptions limits_of(const Config& config, const Shared& shared) {
  return {config.limits.max_connections_per_client, config.limits.connection_rate_per_client,
          shared.secret()};
}

}  // namespace

Service::Service(Blueprint blueprint, const Shared& shared, const LogRings& logs,
                 const host::Seat& seat)
    : shared_(shared),
      seat_(seat),
      generation_(std::make_shared<Generation>(std::move(blueprint), shared, seat)),
      clients_(limits_of(generation_->config(), shared), shared.clients(), seat.index),
      log_(logs.ring(seat.index)),
      health_timer_(seat.worker, [this] { look_at_health(); }),
      count_timer_(seat.worker, [this] { count_spliced(); }) {
  watch_health();
}

Handler& Service::handler(host::ListenerId listener) {
  auto& door = doors_[listener];
  if (door == nullptr) door = std::make_unique<Door>(*this, listener);
  return *door;
}

// The master has read the same and found it good.
void Service::reconfigure(std::string_view plan) {
  auto blueprint = decode(plan);
  if (!blueprint) return log::error("reload_failed", {{"reason", blueprint.error().what}});
  generation_ = std::make_shared<Generation>(std::move(*blueprint), shared_, seat_);
  clients_.set_options(limits_of(generation_->config(), shared_));
  watch_health();
}

// Sessions of servers that are not in the config any more live on, whatever becomes of these.
void Service::watch_health() {
  closing_ = generation_->closing_servers();
  if (closing_.empty()) {
    down_for_.clear();
    health_timer_.stop();
  } else if (!health_timer_.running()) {
    health_timer_.start(kLookAtHealth);
  }
}

// Twice after a server went down: who chose it just before has a place at it by the second time.
void Service::look_at_health() {
  std::vector<bool> cut;
  for (const Slot slot : closing_) {
    if (shared_.server(slot).health.load() == Health::kUp) {
      down_for_.erase(slot);
    } else if (down_for_[slot] < kLooksAtDown) {
      ++down_for_[slot];
      cut.resize(kServersMax);
      cut[slot] = true;
    }
  }
  if (!cut.empty()) {
    sessions_.for_each([&cut](Session& session) {
      const auto slot = session.server_slot();
      if (slot && cut[*slot]) session.cut(Cause::kServerDown);
    });
  }
  health_timer_.start(kLookAtHealth);
}

void Service::splicing_begun() {
  ++spliced_;
  if (!count_timer_.running()) count_timer_.start(kCountSpliced);
}

void Service::count_spliced() {
  count_next_ = sessions_.for_some(count_next_, kCountedAtOnce,
                                   [](Session& session) { session.count_bytes(); });
  if (spliced_ > 0) count_timer_.start(kCountSpliced);
}

Cause Service::admit_client(const Address& client, ClientLimits::Place& place) {
  const auto admission = clients_.admit(client, seat_.worker.now_ns());
  place = admission.place;
  switch (admission.verdict) {
    case ClientLimits::Verdict::kYes:
      return Cause::kDone;
    case ClientLimits::Verdict::kTooMany:
      return Cause::kTooMany;
    case ClientLimits::Verdict::kTooFast:
      return Cause::kTooFast;
  }
  return Cause::kDone;
}

ListenerAccount& Service::account(host::ListenerId listener) const noexcept {
  return shared_.listener(seat_.index, listener);
}

bool Service::claim_listener(host::ListenerId listener, std::uint64_t limit) const noexcept {
  return shared_.claim_listener(seat_.index, listener, limit);
}

Session& Service::make_session(const Arrival& arrival, Connection& client, const Address& source) {
  std::uint32_t number = 0;
  Session* session = sessions_.allocate(&number, *this, arrival, client, source);
  session->number = number;
  return *session;
}

void Service::leave_server(Slot server) {
  shared_.unclaim_server(seat_.index, server);
  if (Upstream* upstream = generation_->upstream_of(server)) upstream->place_is_free();
}

void Service::log_access(const AccessRecord& record) noexcept {
  std::array<std::byte, kRecordBytesMax> bytes;
  log_.put(pack(record, bytes));
}

void Service::session_over(Session& session, const SessionEnd& end) {
  shared_.unclaim_listener(seat_.index, end.listener);
  count_end(end.cause);
  sessions_.free(session.number);
}

}  // namespace ouro::proxy
