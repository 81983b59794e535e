#include "sim/scenario.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "engine/worker_loop.h"
#include "sim/peer.h"
#include "sim/programs.h"
#include "sim/sim_backend.h"

namespace ouro::sim {
namespace {

using engine::BackendTraits;

constexpr std::uint64_t kLimitNs = 300 * kSecond;  // everything is over long before
constexpr std::uint64_t kScriptTurnsMax = 30'000;
constexpr std::uint64_t kBytesMin = 1 << 20;
constexpr std::uint32_t kFirstAsked = 1000;  // streams of connections this side makes

class Scenario {
 public:
  Scenario(const test::Random& source, bool tracing);

  [[nodiscard]] std::string run(Totals& totals);
  // Makes it a short one without faults but this.
  void plan(std::uint64_t at, std::size_t error);
  // A script can make everything as slow as it likes.
  void allow_slowness() { may_be_slow_ = true; }
  [[nodiscard]] const PlannedFailure& planned() const { return world_.planned; }

 private:
  void invite();
  void knock(std::uint32_t stream);
  void ask();
  [[nodiscard]] std::shared_ptr<Wire> answer(std::uint16_t port);
  void at_some_time(std::uint64_t within_ns, std::function<void()> what);
  void drain();
  [[nodiscard]] bool over() const;
  void check_turn();
  void check_end();
  [[nodiscard]] bool is_broken(std::uint32_t stream) const;
  void check_peer(const Peer& peer);
  void check_polite_end(const Peer& peer);
  void end();

  World world_;
  const BackendTraits traits_;
  Counters counters_;
  WorkerOptions options_;
  MoodyEcho echo_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::unique_ptr<Asker>> askers_;
  SimBackend* backend_ = nullptr;
  std::unique_ptr<engine::WorkerLoop> loop_;
  std::vector<std::unique_ptr<Timer>> timers_;
  std::unique_ptr<Watcher> watcher_;
  Listener* listener_ = nullptr;
  std::size_t to_come_ = 0;  // peers and askers
  bool short_ = false;
  bool may_be_slow_ = false;
  bool draining_ = false;
  bool drained_ = false;
};

Scenario::Scenario(const test::Random& source, bool tracing)
    : world_(source),
      traits_(draw_traits(world_)),
      options_(draw_options(world_, traits_)),
      echo_(world_) {
  world_.tracing = tracing;
  options_.counters = &counters_;
  const std::size_t bytes = options_.laboratory.buffer_bytes;
  const std::size_t buffer = bytes == 0 ? engine::ReceivePolicy::kCreditAlone : bytes;
  const std::size_t count = world_.between(world_.one_in(3) ? 2 : 16, 64);
  auto backend = std::make_unique<SimBackend>(world_, traits_, buffer, count);
  backend_ = backend.get();
  backend_->set_dial([this](std::uint16_t port) { return answer(port); });
  loop_ = std::make_unique<engine::WorkerLoop>(options_, std::move(backend), "", nullptr);
  listener_ = loop_->listen_on(SimBackend::kListener, echo_);
  if (world_.one_in(4)) {
    watcher_ = std::make_unique<Watcher>(world_, *loop_, SimBackend::kFirstWatched,
                                         [this](int fd) { return backend_->take_readable(fd); });
  }
  world_.trace("faults: %s", world_.faults.kinds().c_str());
}

// At least ten connections and a megabyte, over some time: numbers of files are used again.
void Scenario::invite() {
  const std::size_t clients = short_ ? 3 : world_.between(8, 16);
  const std::size_t askers = short_ ? 2 : world_.between(2, 6);
  to_come_ = clients + askers;
  for (std::size_t i = 0; i < clients; ++i) {
    world_.events.after(world_.between(0, 300 * kMillisecond),
                        [this, i] { knock(static_cast<std::uint32_t>(i)); });
  }
  for (std::size_t i = 0; i < askers; ++i) at_some_time(300 * kMillisecond, [this] { ask(); });
  if (world_.faults.on(Fault::drain)) at_some_time(kSecond, [this] { drain(); });
}

// What a program does to its worker, it does in a turn.
void Scenario::at_some_time(std::uint64_t within_ns, std::function<void()> what) {
  timers_.push_back(std::make_unique<Timer>(*loop_, std::move(what)));
  timers_.back()->start(std::chrono::nanoseconds(world_.between(0, within_ns)));
}

void Scenario::knock(std::uint32_t stream) {
  --to_come_;
  Script script = Script::draw(world_);
  if (short_) {
    script.bytes %= 5'000;
    if (world_.one_in(3)) script.ends = Script::Ends::kHalfClose;
  } else if (stream < 2) {  // these two bring the bytes that every run has to have
    script = Script{};
    script.bytes = kBytesMin / 2 + world_.between(0, 10'000);
  }
  auto wire = std::make_shared<Wire>(world_, stream);
  peers_.push_back(std::make_unique<Peer>(world_, wire, script));
  peers_.back()->begin();
  if (script.ends == Script::Ends::kReset) world_.faults.count(Fault::reset);
  backend_->knock(wire);
}

void Scenario::ask() {
  --to_come_;
  const auto stream = static_cast<std::uint16_t>(kFirstAsked + askers_.size());
  askers_.push_back(
      std::make_unique<Asker>(world_, stream, world_.between(0, short_ ? 5'000 : 150'000)));
  askers_.back()->start(*loop_);
}

std::shared_ptr<Wire> Scenario::answer(std::uint16_t port) {
  Script script;
  script.echoes = true;
  script.reads = world_.one_in(3) ? Script::Reads::kDrips : Script::Reads::kAtOnce;
  auto wire = std::make_shared<Wire>(world_, port);
  peers_.push_back(std::make_unique<Peer>(world_, wire, script));
  peers_.back()->begin();
  return wire;
}

void Scenario::drain() {
  world_.faults.count(Fault::drain);
  draining_ = true;
  listener_ = nullptr;
  loop_->drain(std::chrono::milliseconds(world_.between(50, 5000)), [this](std::size_t) {
    if (drained_) world_.fail("it was drained twice");
    drained_ = true;
  });
}

bool Scenario::over() const {
  return to_come_ == 0 && loop_->connection_count() == 0 &&
         std::ranges::all_of(peers_, [](const auto& peer) { return peer->over(); }) &&
         std::ranges::all_of(askers_, [](const auto& asker) { return asker->over(); }) &&
         (!draining_ || drained_);
}

// What no connection may cost, however slow its peer is.
void Scenario::check_turn() {
  const bool limited = traits_.receive_limit || !traits_.multishot_receive;
  if (!limited || options_.laboratory.zero_copy == ZeroCopy::kOn) return;
  const std::size_t credit = engine::ReceivePolicy::kCreditAlone;
  const std::size_t most = options_.window_bytes + 4 * credit;
  loop_->for_each_connection([&](engine::ConnectionState& connection) {
    if (!connection.outgoing() && connection.queue.bytes > most) {
      world_.fail("a connection holds " + std::to_string(connection.queue.bytes) +
                  " bytes unsent, with a window of " + std::to_string(options_.window_bytes));
    }
  });
}

void Scenario::check_peer(const Peer& peer) {
  // Who is cut by a limit on time has no complaint.
  const std::uint64_t idle_ns = std::uint64_t(options_.idle_timeout.count()) * kMillisecond;
  const Script& script = peer.script;
  if (idle_ns > 0 && (script.silent_ns + script.pause_ns > idle_ns / 4 ||
                      script.reads != Script::Reads::kAtOnce)) {
    return;
  }
  if (draining_ || peer.wire->broken) return;
  if (const auto complaint = peer.complaint(); !complaint.empty()) world_.fail(complaint);
}

bool Scenario::is_broken(std::uint32_t stream) const {
  return std::ranges::any_of(peers_, [stream](const auto& peer) {
    return peer->wire->stream == stream && peer->wire->broken;
  });
}

// close() waits for the end of the peer, for a second: what it still sends does not reset the
// connection. Where everything is slow that second may be too short.
void Scenario::check_polite_end(const Peer& peer) {
  if (!peer.script.echoes || !peer.was_reset() || peer.wire->broken) return;
  const auto slow = {Fault::late_completion, Fault::no_buffers,      Fault::short_receive,
                     Fault::multishot_ended, Fault::few_completions, Fault::drain};
  const auto is_on = [this](Fault fault) { return world_.faults.on(fault); };
  if (std::ranges::any_of(slow, is_on) || options_.window_bytes < 20'000) return;
  if (options_.idle_timeout.count() > 0 || peer.script.reads != Script::Reads::kAtOnce) return;
  const auto& asker = *askers_[peer.wire->stream - kFirstAsked];
  if (!asker.cut_it()) {
    world_.fail("stream " + std::to_string(asker.stream) + ": close() has reset the connection");
  }
}

void Scenario::check_end() {
  for (const auto& peer : peers_) check_peer(*peer);
  for (const auto& peer : peers_) check_polite_end(*peer);
  for (const auto& asker : askers_) {
    const auto complaint = asker->complaint();
    if (!complaint.empty() && !draining_ && options_.idle_timeout.count() == 0 &&
        !is_broken(asker->stream)) {
      world_.fail(complaint);
    }
  }
  if (echo_.open() > 0) world_.fail("a connection was never closed");
  if (const auto left = backend_->left_behind(); !left.empty()) world_.fail("left: " + left);
  if (loop_->unsent_pool().used() > 0) world_.fail("left: memory for unsent bytes");
  if (loop_->zero_copy_sends().used() > 0) world_.fail("left: records of zero-copy sends");
  if (counters_.connections_open.get() != 0) world_.fail("the count of open connections is wrong");
}

void Scenario::end() {
  watcher_.reset();
  if (listener_ != nullptr) loop_->stop_listening(listener_);
  for (int i = 0; i < 3; ++i) loop_->turn(std::chrono::milliseconds{500});
}

void Scenario::plan(std::uint64_t at, std::size_t error) {
  short_ = true;
  world_.faults.clear();
  world_.planned.at = at;
  world_.planned.error = error;
}

std::string Scenario::run(Totals& totals) {
  const std::uint64_t begin = world_.events.now();
  invite();
  while (world_.wrong.empty() && !over()) {
    loop_->turn(std::chrono::seconds{1});
    check_turn();
    const bool late = world_.events.now() - begin > kLimitNs ||
                      (may_be_slow_ && counters_.turns.get() > kScriptTurnsMax);
    if (late && may_be_slow_) return "";
    if (late || backend_->stuck()) {
      const std::string what = backend_->stuck() ? "nothing will ever happen" : "it never ends";
      world_.fail(what + ": " + std::to_string(loop_->connection_count()) + " connections");
      for (const auto& peer : peers_) {
        if (!peer->over()) world_.trace("%s", peer->state().c_str());
      }
    }
  }
  if (world_.wrong.empty()) end();
  if (world_.wrong.empty()) check_end();
  ++totals.runs;
  totals.connections += peers_.size();
  totals.bytes += counters_.received_bytes.get() + counters_.sent_bytes.get();
  totals.turns += counters_.turns.get();
  totals.simulated_ns += world_.events.now() - begin;
  totals.faults.add(world_.faults.counts());
  // At once: an engine in disorder may not survive its own end.
  if (!world_.wrong.empty()) std::fprintf(stderr, "%s\n", world_.wrong.c_str());
  return world_.wrong;
}

}  // namespace

BackendTraits draw_traits(World& world) {
  BackendTraits traits;
  traits.name = "sim";
  traits.multishot_receive = !world.one_in(4);
  traits.receive_limit = traits.multishot_receive && !world.one_in(3);
  traits.accepts_in_kernel = !world.one_in(3);
  traits.direct_files = traits.accepts_in_kernel && world.one_in(5);
  traits.zero_copy = !traits.direct_files && world.one_in(3);
  if (traits.direct_files) traits.files_max = world.between(4, 64);
  return traits;
}

WorkerOptions draw_options(World& world, const BackendTraits& traits) {
  WorkerOptions options;
  options.window_bytes = world.between(1, world.one_in(2) ? 300'000 : 20'000);
  if (world.one_in(3)) options.connections_max = world.between(2, 20);
  if (world.one_in(4)) options.idle_timeout = std::chrono::milliseconds(world.between(500, 3000));
  options.laboratory.fixed_files = traits.direct_files;
  options.laboratory.buffer_bytes = world.one_in(2) ? 0 : world.between(64, 60'000);
  options.laboratory.zero_copy = world.one_in(2) ? ZeroCopy::kOn : ZeroCopy::kAuto;
  return options;
}

std::string Totals::to_string() const {
  char text[300];
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::snprintf(text, sizeof text,
                "%llu seeds, %llu connections, %.1f GiB, %llu turns, %.2f simulated hours\n",
                n(runs), n(connections), static_cast<double>(bytes) / (1 << 30), n(turns),
                static_cast<double>(simulated_ns) / 3.6e12);
  return text + faults.to_string();
}

NthFailure run_with_failure(std::uint64_t seed, std::uint64_t at, std::size_t error, bool tracing,
                            Totals& totals) {
  Scenario scenario(test::Random(seed), tracing);
  scenario.plan(at, error);
  NthFailure result;
  result.wrong = scenario.run(totals);
  result.reached = scenario.planned().possible > 0;
  result.has_error = error < scenario.planned().possible;
  result.operation = scenario.planned().operation;
  return result;
}

std::string run_seed(std::uint64_t seed, bool tracing, Totals& totals) {
  return Scenario(test::Random(seed), tracing).run(totals);
}

std::string run_script(std::span<const std::uint8_t> script) {
  Totals totals;
  Scenario scenario(test::Random(script), false);
  scenario.allow_slowness();
  return scenario.run(totals);
}

}  // namespace ouro::sim
