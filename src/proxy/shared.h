// What the processes of a proxy know in common of its servers and listeners: a table in memory that
// the master makes before it forks. Everything has a slot in it, which it keeps as long as it is in
// the config; slots are the same in all processes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include "host/application.h"
#include "os/shared_memory.h"
#include "ouro/counters.h"
#include "proxy/client_limits.h"
#include "proxy/named_place.h"
#include "proxy/session_end.h"

namespace ouro::proxy {

inline constexpr std::uint32_t kServersMax = 4096;
using host::kListenersMax;
// How many servers one name can stand for; its slots are its own, used or not.
inline constexpr std::uint32_t kSlotsOfName = 16;

using Slot = std::uint32_t;

// What health checks say. Whoever is not checked is taken for up.
enum class Health : std::uint32_t { kUp, kDown };

// Of a server, for all workers. Written when something happens, read with every connection.
struct alignas(64) ServerState {
  std::atomic<Health> health{Health::kUp};  // the attendant
  // The attendant, when it is told to; the master before the slot is the server's: gets nothing
  // new.
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> up_since_ns{0};  // the attendant; 0: it was never down
  std::atomic<std::uint32_t> failures{0};     // workers: connects that failed, in a row
  std::atomic<std::uint32_t> ejections{0};    // workers: in a row, too
  std::atomic<std::uint64_t> ejected_until_ns{0};
  // When health or draining changed last, for people; who writes that writes this.
  std::atomic<std::uint64_t> down_since_ns{0};
  std::atomic<std::uint64_t> draining_since_ns{0};
};

// Counts the changes of all places.
struct alignas(64) PlacesVersion {
  std::atomic<std::uint64_t> number{0};
};

// Of a server, in one worker; written by that worker alone.
struct ServerAccount {
  std::atomic<std::uint64_t> connections{0};  // claimed now
  std::atomic<std::uint64_t> generations{0};  // configs that sessions may still choose it by
  Counter begun;                              // connections since the worker began
  Counter failed;                             // connects that failed
  Counter bytes_to_server;                    // received from clients, for it
  Counter bytes_to_client;
};

// The same of a listener.
struct ListenerAccount {
  std::atomic<std::uint64_t> connections{0};
  Counter begun;
  Counter refused;
};

// How the sessions of a worker ended.
struct alignas(64) EndAccount {
  std::array<Counter, kCauses> by_cause;
};

class Shared {
 public:
  [[nodiscard]] static Result<Shared> create(unsigned workers);

  [[nodiscard]] ServerState& server(Slot slot) const noexcept { return servers_[slot]; }
  [[nodiscard]] ServerAccount& account(unsigned worker, Slot slot) const noexcept {
    return accounts_[std::size_t{worker} * kServersMax + slot];
  }
  [[nodiscard]] ListenerAccount& listener(unsigned worker, Slot slot) const noexcept {
    return listeners_[std::size_t{worker} * kListenersMax + slot];
  }
  // How sessions of one worker ended.
  [[nodiscard]] Counter& ended(unsigned worker, Cause cause) const noexcept {
    return ends_[worker].by_cause[static_cast<std::size_t>(cause)];
  }
  [[nodiscard]] unsigned workers() const noexcept { return workers_; }
  [[nodiscard]] const ClientTable& clients() const noexcept { return clients_; }
  // By which clients find their place in it; nobody outside knows.
  [[nodiscard]] std::uint64_t secret() const noexcept { return secret_; }

  // By the master: the slot is that of a server of which nothing is known yet.
  void begin_server(Slot slot) const noexcept;
  // By the attendant; and by the master for a successor, before there is anybody else. Who is ready
  // again starts as slowly as who comes up.
  void set_draining(Slot slot, bool draining, std::uint64_t now_ns) const noexcept;
  // By the attendant: the name has another server in this slot, with a history of its own.
  void forget_server(Slot slot) const noexcept;

  // Where the server of a slot is that a name stands for. By the attendant.
  void publish_place(Slot slot, const NamedPlace& place) const noexcept;
  [[nodiscard]] std::optional<NamedPlace> named_place(Slot slot) const noexcept {
    return places_[slot].read();
  }
  // Another number whenever a place has changed.
  [[nodiscard]] std::uint64_t places_version() const noexcept {
    return places_version_->number.load();
  }

  // Over all workers; of counters, since the server has this slot.
  [[nodiscard]] std::uint64_t total(Slot server, Counter ServerAccount::* count) const noexcept;
  [[nodiscard]] std::uint64_t ended(Cause cause) const noexcept;
  [[nodiscard]] std::uint64_t connections_of_server(Slot slot) const noexcept;
  [[nodiscard]] std::uint64_t connections_of_listener(Slot slot) const noexcept;

  // A place for one more, of `limit` over all workers (0: no limit), exactly: it is claimed, then
  // all claims are summed, and taken back if there are too many.
  [[nodiscard]] bool claim_server(unsigned worker, Slot slot, std::uint64_t limit) const noexcept;
  [[nodiscard]] bool claim_listener(unsigned worker, Slot slot, std::uint64_t limit) const noexcept;
  void unclaim_server(unsigned worker, Slot slot) const noexcept;
  void unclaim_listener(unsigned worker, Slot slot) const noexcept;
  // A config by which sessions of this worker may choose the server comes, and goes.
  void keep_server(unsigned worker, Slot slot) const noexcept;
  void let_go_of_server(unsigned worker, Slot slot) const noexcept;
  // Whether some worker is connected with the server, or may be yet.
  [[nodiscard]] bool is_kept(Slot slot) const noexcept;

  // By the master, after a worker's death.
  void forget_worker(unsigned worker) const noexcept;

 private:
  os::SharedMemory memory_;
  unsigned workers_ = 0;
  std::span<ServerState> servers_;
  std::span<PublishedPlace> places_;
  PlacesVersion* places_version_ = nullptr;
  // kServersMax for each worker, and then what all of them were when the server of each slot came.
  std::span<ServerAccount> accounts_;
  ClientTable clients_;
  std::uint64_t secret_ = 0;
  std::span<ListenerAccount> listeners_;  // kListenersMax for each worker
  std::span<EndAccount> ends_;            // by worker
};

}  // namespace ouro::proxy
