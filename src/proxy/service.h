// The proxy in one worker: the config in force, the doors, and the sessions.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/slab.h"
#include "host/application.h"
#include "proxy/access/record.h"
#include "proxy/access/ring.h"
#include "proxy/door.h"
#include "proxy/generation.h"
#include "proxy/session.h"

namespace ouro::proxy {

class Service final : public host::Service {
 public:
  // `shared` and `logs` outlive it.
  Service(Blueprint blueprint, const Shared& shared, const LogRings& logs, const host::Seat& seat);

  Handler& handler(host::ListenerId listener) override;
  void reconfigure(std::string_view plan) override;

  // For doors and sessions.
  [[nodiscard]] const std::shared_ptr<Generation>& generation() const noexcept {
    return generation_;
  }
  [[nodiscard]] ListenerAccount& account(host::ListenerId listener) const noexcept;
  [[nodiscard]] bool claim_listener(host::ListenerId listener, std::uint64_t limit) const noexcept;
  [[nodiscard]] Session& make_session(const Arrival& arrival, Connection& client,
                                      const Address& source);
  // Counts a client that comes in: kDone, or why it may not.
  [[nodiscard]] Cause admit_client(const Address& client, ClientLimits::Place& place);
  void client_left(ClientLimits::Place place) noexcept { clients_.left(place); }
  // A place at a server is free again.
  void leave_server(Slot server);
  [[nodiscard]] std::uint64_t now_ns() const noexcept { return seat_.worker.now_ns(); }
  // Whether there is an access log. Who is told a record keeps nothing of it, and never waits.
  [[nodiscard]] bool logs_access() const noexcept { return generation_->config().log.has_access(); }
  void log_access(const AccessRecord& record) noexcept;
  void count_end(Cause cause) noexcept { shared_.ended(seat_.index, cause).add(); }
  // Of bytes that pass within the kernel, sessions hear nothing: they are asked from time to time.
  void splicing_begun();
  void splicing_over() noexcept { --spliced_; }
  void session_over(Session& session, const SessionEnd& end);

 private:
  void watch_health();
  void look_at_health();
  void count_spliced();

  const Shared& shared_;
  const host::Seat seat_;
  std::shared_ptr<Generation> generation_;
  ClientLimits clients_;
  LogRing log_;
  std::map<host::ListenerId, std::unique_ptr<Door>> doors_;
  Slab<Session> sessions_;
  std::vector<Slot> closing_;          // servers whose sessions end when they go down
  std::map<Slot, unsigned> down_for_;  // looks, of those that are down
  Timer health_timer_;
  std::size_t spliced_ = 0;       // sessions
  std::uint32_t count_next_ = 0;  // the session that is asked next
  Timer count_timer_;
};

}  // namespace ouro::proxy
