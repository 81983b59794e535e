// The door of one worker: decides about each fresh connection whether it is served here, by another
// worker, or has to wait because the server is full. Lives in the worker's process (or thread) and
// sees the others only through the shared pages and the inboxes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "host/balance.h"
#include "host/claims.h"
#include "host/inbox.h"
#include "host/shared_pages.h"
#include "ouro/worker.h"

namespace ouro::host {

struct GateOptions {
  unsigned self = 0;
  std::uint64_t max_connections = 0;                  // over all workers; 0: no limit
  std::uint64_t worker_connections_max = UINT64_MAX;  // nobody is handed more than it can hold
};

class Gate final : public Admission {
 public:
  Gate(const GateOptions& options, std::span<WorkerPage> pages, const Inboxes& inboxes,
       Worker& worker);

  // Whose the connections are that other workers send for a listener.
  void serve_with(ListenerId listener, Handler& handler);

  Verdict admit(int fd, Handler& handler) override;
  void left() override;

  // A place is free: those who wait are asked for again.
  void wake();
  // Takes what others send to `from`: this worker, or one that is down or hung.
  void open_inbox(unsigned from, os::Fd receiving_end);
  void close_inbox(unsigned from) { inboxes_open_.erase(from); }
  // From now on this worker keeps what it accepts.
  void keep_all();
  // Takes what is in the inboxes now; true if there was anything.
  bool empty_inboxes();
  // Connections that are here and have no place yet.
  [[nodiscard]] std::size_t waiting() const noexcept {
    return worker_.waiting_count() + unclaimed_.size();
  }

 private:
  // Connections on their way to one worker, sent together at the end of the turn.
  struct Parcel {
    std::uint32_t generation = 0;
    std::vector<Arrival> arrivals;
  };
  struct OpenInbox {
    os::Fd receiving_end;
    std::unique_ptr<Watch> watch;
  };

  [[nodiscard]] bool short_of_memory();
  [[nodiscard]] unsigned choose();
  void hand_over(unsigned target, Arrival arrival);
  void send_parcel(unsigned target);
  void send_parcels();
  bool empty_inbox(int receiving_end);
  void accept_delivery(Delivery& delivery);
  // Serves those that have a place, and keeps the others until there is one.
  void serve_claimed(std::vector<Arrival>& arrivals);
  void serve_unclaimed(std::vector<Arrival>& arrivals);
  void serve(Arrival& arrival);
  void wake_someone();

  const GateOptions options_;
  std::span<WorkerPage> pages_;
  const Inboxes& inboxes_;
  Worker& worker_;
  std::unordered_map<ListenerId, Handler*> handlers_;
  std::unordered_map<const Handler*, ListenerId> listeners_;
  Claims claims_;
  std::vector<WorkerLoad> loads_;
  std::vector<Parcel> parcels_;
  std::uint64_t memory_for_ = UINT64_MAX;  // so many connections, while there is none for more
  std::vector<Arrival> unclaimed_;  // received without a place; few: what was under way at a death
  Timer parcels_due_;
  Timer wake_due_;
  std::map<unsigned, OpenInbox> inboxes_open_;
  bool keep_all_ = false;
};

}  // namespace ouro::host
