#include "sim/proxied.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "engine/worker_loop.h"
#include "proxy/service.h"
#include "sim/peer.h"
#include "sim/sim_backend.h"
#include "sim/stream_bytes.h"

namespace ouro::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kProxiedLimitNs = 300 * kSecond;
constexpr std::uint64_t kProxiedBytesMin = 1 << 20;
constexpr std::uint16_t kFirstPort = 2000;

// One listener, one upstream of a few servers, and limits that are reached now and then.
proxy::Config draw_config(World& world) {
  proxy::Config config;
  proxy::UpstreamConfig upstream;
  upstream.name = "servers";
  upstream.balance = static_cast<proxy::Balance>(world.between(0, 3));
  const std::uint64_t servers = world.between(1, 4);
  for (std::uint64_t i = 0; i < servers; ++i) {
    proxy::ServerConfig server;
    server.address = "192.0.2.10:" + std::to_string(kFirstPort + i);
    server.backup = i > 0 && world.one_in(5);
    if (world.one_in(3)) server.max_connections = world.between(1, 4);
    upstream.servers.push_back(server);
  }
  upstream.retries = static_cast<unsigned>(world.between(0, 3));
  upstream.queue = world.between(0, 12);
  if (world.one_in(3)) upstream.ejection.failures = static_cast<unsigned>(world.between(0, 2));
  upstream.ejection.time = milliseconds(world.between(10, 500));
  config.upstreams.push_back(upstream);
  proxy::ListenConfig listen;
  listen.name = "door";
  listen.upstream = "servers";
  if (world.one_in(5)) listen.max_connections = world.between(1, 12);
  config.listeners.push_back(listen);
  config.timeouts.connect = milliseconds(world.between(20, 1000));
  config.timeouts.queue = milliseconds(world.between(20, 3000));
  config.timeouts.idle = milliseconds(world.one_in(4) ? world.between(500, 3000) : 60'000);
  config.timeouts.half_closed = milliseconds(world.one_in(4) ? world.between(500, 3000) : 60'000);
  if (world.one_in(8)) config.timeouts.total = milliseconds(world.between(200, 3000));
  return config;
}

proxy::Blueprint blueprint_of(const proxy::Config& config) {
  proxy::Blueprint blueprint;
  blueprint.config = config;
  blueprint.listeners = {0};
  auto& servers = blueprint.servers.emplace_back();
  for (proxy::Slot slot = 0; slot < config.upstreams[0].servers.size(); ++slot) {
    servers.push_back({slot});
  }
  return blueprint;
}

// Half-closing is what a relay does; a fixed file cannot.
engine::BackendTraits draw_relaying_traits(World& world) {
  engine::BackendTraits traits = draw_traits(world);
  traits.direct_files = false;
  traits.files_max = ~std::size_t{0};
  return traits;
}

class Proxied {
 public:
  Proxied(std::uint64_t seed, bool tracing);

  [[nodiscard]] std::string run(Totals& totals);

 private:
  void invite();
  void knock(std::uint32_t stream, bool large);
  [[nodiscard]] std::shared_ptr<Wire> answer();
  [[nodiscard]] bool over() const;
  void check_turn();
  void check_end();
  void check_client(const Peer& client);
  void end();

  World world_;
  const engine::BackendTraits traits_;
  Counters counters_;
  WorkerOptions options_;
  const proxy::Config config_;
  proxy::Shared shared_;
  proxy::LogRings logs_;
  std::vector<std::unique_ptr<Peer>> clients_;
  std::vector<std::unique_ptr<Peer>> servers_;
  SimBackend* backend_ = nullptr;
  std::unique_ptr<engine::WorkerLoop> loop_;
  std::unique_ptr<proxy::Service> service_;
  Listener* listener_ = nullptr;
  std::size_t to_come_ = 0;
};

Proxied::Proxied(std::uint64_t seed, bool tracing)
    : world_(test::Random(seed)),
      traits_(draw_relaying_traits(world_)),
      options_(draw_options(world_, traits_)),
      config_(draw_config(world_)),
      shared_(*proxy::Shared::create(1)),
      logs_(*proxy::LogRings::create(1)) {
  world_.tracing = tracing;
  options_.counters = &counters_;
  options_.idle_timeout = milliseconds{0};
  const std::size_t bytes = options_.laboratory.buffer_bytes;
  const std::size_t buffer = bytes == 0 ? engine::ReceivePolicy::kCreditAlone : bytes;
  auto backend = std::make_unique<SimBackend>(world_, traits_, buffer,
                                              world_.between(world_.one_in(3) ? 2 : 16, 64));
  backend_ = backend.get();
  backend_->set_dial([this](std::uint16_t) { return answer(); });
  loop_ = std::make_unique<engine::WorkerLoop>(options_, std::move(backend), "", nullptr);
  service_ = std::make_unique<proxy::Service>(blueprint_of(config_), shared_, logs_,
                                              host::Seat{*loop_, 0, 1});
  listener_ = loop_->listen_on(SimBackend::kListener, service_->handler(0));
  world_.trace("faults: %s", world_.faults.kinds().c_str());
}

// Streams that begin with different bytes: by the first one a server's stream is known.
void Proxied::invite() {
  const std::size_t clients = world_.between(10, 18);
  std::uint32_t stream = 0;
  for (std::size_t i = 0; i < clients; ++stream) {
    std::byte first{};
    stream_bytes(stream, 0, {&first, 1});
    if (!world_.first_bytes.emplace(first, stream).second) continue;
    world_.events.after(world_.between(0, 300 * kMillisecond),
                        [this, stream, large = i < 2] { knock(stream, large); });
    ++i;
  }
  to_come_ = clients;
}

void Proxied::knock(std::uint32_t stream, bool large) {
  --to_come_;
  Script script = Script::draw(world_);
  if (large) {  // these two bring the bytes that every run has to have
    script = Script{};
    script.bytes = kProxiedBytesMin / 2 + world_.between(0, 10'000);
  }
  auto wire = std::make_shared<Wire>(world_, stream);
  clients_.push_back(std::make_unique<Peer>(world_, wire, script));
  clients_.back()->begin();
  if (script.ends == Script::Ends::kReset) world_.faults.count(Fault::reset);
  backend_->knock(wire);
}

std::shared_ptr<Wire> Proxied::answer() {
  Script script;
  script.echoes = true;
  script.reads = static_cast<Script::Reads>(world_.one_in(3) ? world_.between(1, 2) : 0);
  script.change_ns = world_.between(0, 500 * kMillisecond);
  if (world_.faults.strikes(Fault::reset, 6)) script.ends = Script::Ends::kReset;
  auto wire = std::make_shared<Wire>(world_, kUnknownStream);
  servers_.push_back(std::make_unique<Peer>(world_, wire, script));
  servers_.back()->begin();
  return wire;
}

bool Proxied::over() const {
  const auto is_over = [](const auto& peer) { return peer->over(); };
  return to_come_ == 0 && loop_->connection_count() == 0 &&
         std::ranges::all_of(clients_, is_over) && std::ranges::all_of(servers_, is_over);
}

// What no connection may cost, however slow its peer is.
void Proxied::check_turn() {
  const bool limited = traits_.receive_limit || !traits_.multishot_receive;
  if (!limited || options_.laboratory.zero_copy == ZeroCopy::kOn) return;
  const std::size_t most = options_.window_bytes + 4 * engine::ReceivePolicy::kCreditAlone;
  loop_->for_each_connection([&](engine::ConnectionState& connection) {
    if (connection.queue.bytes > most) {
      world_.fail("a connection holds " + std::to_string(connection.queue.bytes) +
                  " bytes unsent, with a window of " + std::to_string(options_.window_bytes));
    }
  });
}

// A client either gets all of it and a clean end, or a reset: never half of it and a clean end.
void Proxied::check_client(const Peer& client) {
  if (!client.script.fair() || client.was_reset() || client.wire->broken) return;
  if (client.wire->read_there < client.script.bytes) {
    world_.fail(client.complaint() + ", and then a clean end");
  }
}

void Proxied::check_end() {
  for (const auto& client : clients_) check_client(*client);
  for (const auto& server : servers_) {
    const std::uint32_t stream = server->wire->stream;
    if (stream == kUnknownStream || server->wire->broken) continue;
    const auto same = [&](const auto& client) { return client->wire->stream == stream; };
    const Peer& client = **std::ranges::find_if(clients_, same);
    const bool cut_by_time = config_.timeouts.total.count() > 0 ||
                             config_.timeouts.idle < milliseconds{60'000} ||
                             config_.timeouts.half_closed < milliseconds{60'000};
    if (cut_by_time || !client.script.fair() || client.wire->broken) continue;
    // What the server had said before it cut the connection has reached the client all the same.
    if (client.wire->read_there != server->wire->taken) {
      world_.fail("stream " + std::to_string(stream) + ": the proxy took " +
                  std::to_string(server->wire->taken) + " bytes of the answer and the client got " +
                  std::to_string(client.wire->read_there));
    }
    if (server->script.fair() && client.was_reset()) world_.fail(client.complaint());
  }
  if (const auto left = backend_->left_behind(); !left.empty()) world_.fail("left: " + left);
  if (loop_->unsent_pool().used() > 0) world_.fail("left: memory for unsent bytes");
  if (loop_->zero_copy_sends().used() > 0) world_.fail("left: records of zero-copy sends");
  if (counters_.connections_open.get() != 0) world_.fail("the count of open connections is wrong");
  for (proxy::Slot slot = 0; slot < config_.upstreams[0].servers.size(); ++slot) {
    if (shared_.connections_of_server(slot) != 0) world_.fail("left: a place at a server");
  }
  if (shared_.connections_of_listener(0) != 0) world_.fail("left: a place at the listener");
}

void Proxied::end() {
  loop_->stop_listening(listener_);
  for (int i = 0; i < 3; ++i) loop_->turn(milliseconds{500});
}

std::string Proxied::run(Totals& totals) {
  const std::uint64_t begin = world_.events.now();
  invite();
  while (world_.wrong.empty() && !over()) {
    loop_->turn(std::chrono::seconds{1});
    check_turn();
    const bool late = world_.events.now() - begin > kProxiedLimitNs;
    if (!late && !backend_->stuck()) continue;
    world_.fail(std::string(late ? "it never ends" : "nothing will ever happen") + ": " +
                std::to_string(loop_->connection_count()) + " connections");
    for (const auto* peers : {&clients_, &servers_}) {
      for (const auto& peer : *peers) {
        if (!peer->over()) world_.trace("%s", peer->state().c_str());
      }
    }
  }
  if (world_.wrong.empty()) end();
  if (world_.wrong.empty()) check_end();
  ++totals.runs;
  totals.connections += clients_.size() + servers_.size();
  totals.bytes += counters_.received_bytes.get() + counters_.sent_bytes.get();
  totals.turns += counters_.turns.get();
  totals.simulated_ns += world_.events.now() - begin;
  totals.faults.add(world_.faults.counts());
  // At once: an engine in disorder may not survive its own end.
  if (!world_.wrong.empty()) std::fprintf(stderr, "%s\n", world_.wrong.c_str());
  return world_.wrong;
}

}  // namespace

std::string run_proxied(std::uint64_t seed, bool tracing, Totals& totals) {
  return Proxied(seed, tracing).run(totals);
}

}  // namespace ouro::sim
