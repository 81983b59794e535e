// One config at work in one worker. A reload makes another; the former stays as long as there are
// sessions that have yet to find their server by it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/blueprint.h"
#include "proxy/session_end.h"
#include "proxy/sni_routes.h"
#include "proxy/upstream.h"

namespace ouro::proxy {

// A listener, as this config describes it.
class Entry {
 public:
  explicit Entry(const ListenConfig& listen)
      : listen_(listen), name_(std::make_shared<const std::string>(listen.name)) {}

  void set_default(Upstream& upstream) noexcept { default_ = &upstream; }
  void add_route(std::string_view host, Upstream& upstream);

  [[nodiscard]] const ListenConfig& listen() const noexcept { return listen_; }
  // Outlives it in whoever takes a copy.
  [[nodiscard]] const std::shared_ptr<const std::string>& name() const noexcept { return name_; }
  [[nodiscard]] bool expects_header() const noexcept {
    return listen_.proxy_protocol == ProxyHeaderIn::kRequired;
  }
  [[nodiscard]] bool expects_hello() const noexcept { return !by_name_.empty(); }
  // Whether a connection from there is to be taken for what its header says.
  [[nodiscard]] bool trusts(const Address& peer) const noexcept;
  // Whether this client may come in.
  [[nodiscard]] bool admits(const Address& client) const noexcept;
  // Null: there is none for that name; none without a name.
  [[nodiscard]] Upstream* upstream_for(std::string_view host) const noexcept;
  [[nodiscard]] Upstream* default_upstream() const noexcept { return default_; }

 private:
  const ListenConfig& listen_;
  const std::shared_ptr<const std::string> name_;
  Upstream* default_ = nullptr;
  std::vector<Upstream*> by_name_;
  SniRoutes routes_;  // to an index of by_name_
};

class Generation {
 public:
  // `shared` outlives it. As long as it lives its servers keep their slots.
  Generation(Blueprint blueprint, const Shared& shared, const host::Seat& seat);
  ~Generation();
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  [[nodiscard]] const Config& config() const noexcept { return blueprint_.config; }
  // Null: this config has no such listener.
  [[nodiscard]] const Entry* entry(host::ListenerId listener) const noexcept;
  // The servers of upstreams with on_down = "close".
  [[nodiscard]] std::vector<Slot> closing_servers() const;
  // The upstream that has the server of this slot; null if none has.
  [[nodiscard]] Upstream* upstream_of(Slot server) const noexcept;

 private:
  void make_entries();
  void for_each_slot(const std::function<void(Slot)>& callee) const;

  const Blueprint blueprint_;
  const Shared& shared_;
  const unsigned worker_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::vector<std::unique_ptr<Entry>> entries_;  // by number of the listener
  std::vector<Upstream*> by_slot_;
};

}  // namespace ouro::proxy
