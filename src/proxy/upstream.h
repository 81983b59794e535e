// The servers of one upstream, as one worker sees them: who gets the next connection, who is out,
// and who waits for a place. What must hold for all workers goes through Shared.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "ouro/worker.h"
#include "proxy/balance/balancer.h"
#include "proxy/config/config.h"
#include "proxy/retry_budget.h"
#include "proxy/shared.h"

namespace ouro::proxy {

// What is said of a server when it may be in the config no more.
struct ServerName {
  std::string upstream;
  Address address;
};

// A server as it is used: one of those that a name stands for, or the one that has the address.
struct Server {
  ServerConfig config;
  bool named = false;
  Slot slot = 0;
  NamedPlace place;  // with the weight in force
  std::shared_ptr<const ServerName> name{};
  // As logs have it.
  [[nodiscard]] std::string to_string() const;
};

// Waits for a place at a server. Leaves the queue before it dies.
class Waiter : public ListHook {
 public:
  virtual void place_may_be_free() = 0;
  virtual void waited_too_long() = 0;
  std::uint64_t until_ns = 0;  // set when it first waits

 protected:
  Waiter() = default;
  ~Waiter() = default;
};

class Upstream {
 public:
  // `config` is of the `whole`; that and `shared` outlive it.
  Upstream(const UpstreamConfig& config, const Config& whole, std::vector<Server> servers,
           const Shared& shared, Worker& worker, unsigned worker_index);

  [[nodiscard]] const UpstreamConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Server& server(unsigned index) const noexcept { return servers_[index]; }

  enum class Outcome : std::uint8_t { kChosen, kFull, kNobody };
  struct Choice {
    Outcome outcome = Outcome::kNobody;
    unsigned server = 0;  // kChosen: a place at it is taken (Shared::claim_server)
  };
  // Once for each connection, before it asks.
  void connection_begun() noexcept { budget_.connection_begun(); }
  // `tried`: servers that this connection has tried in vain.
  [[nodiscard]] Choice choose(std::uint64_t client, std::span<const unsigned> tried);
  // Perhaps for somebody in the queue.
  void place_is_free();

  // What became of connecting.
  void connected(unsigned server);
  void failed(unsigned server);
  [[nodiscard]] bool may_retry() noexcept { return budget_.take(); }

  // False: the queue is full too.
  [[nodiscard]] bool wait(Waiter& waiter);
  void stop_waiting(Waiter& waiter) noexcept;

  [[nodiscard]] ServerAccount& account(unsigned server) const noexcept {
    return shared_.account(worker_index_, servers_[server].slot);
  }

 private:
  void look_at_names();
  void name(Server& server) const;
  void set_balanced();
  [[nodiscard]] bool is_up(const Server& server, bool ejected_too) const noexcept;
  void look_at_servers(bool backups, bool ejected_too, std::span<const unsigned> tried);
  [[nodiscard]] Choice pick_one(std::uint64_t client);
  [[nodiscard]] bool is_ejected(const ServerState& state) const noexcept;
  [[nodiscard]] bool may_eject() const noexcept;
  void look_at_queue();

  const UpstreamConfig& config_;
  const milliseconds queue_limit_;
  std::vector<Server> servers_;
  const Shared& shared_;
  Worker& worker_;
  const unsigned worker_index_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<Candidate> candidates_;  // of the choice being made
  std::uint64_t places_version_ = ~std::uint64_t{0};
  bool some_up_ = false;  // and whether there were any, full or not
  RetryBudget budget_;
  IntrusiveList<Waiter> queue_;
  std::size_t waiting_ = 0;
  Timer queue_timer_;
};

}  // namespace ouro::proxy
