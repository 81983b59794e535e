#include "sim/fairness.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "engine/worker_loop.h"
#include "sim/peer.h"
#include "sim/sim_backend.h"

namespace ouro::sim {
namespace {

constexpr std::uint64_t kStream = 3 << 20;
constexpr std::uint64_t kRoom = 400'000;  // in the kernels on both sides, each way
// Over so many bytes for each, the engine gives nobody less or more than this of the mean; what is
// between is the dice of the simulated kernel, which decide whose operation is done first.
constexpr std::uint64_t kStretch = 512 << 10;
constexpr double kLeast = 0.08;
constexpr double kMost = 2.5;
constexpr std::size_t kCredit = engine::ReceivePolicy::kCreditAlone;

// Sends back what comes, and counts it.
class CountingEcho final : public Handler {
 public:
  void opened(Connection& connection) override {
    shares_.push_back(std::make_unique<std::uint64_t>(0));
    connection.user = shares_.back().get();
  }
  void data(Connection& connection, Buffer buffer) override {
    *static_cast<std::uint64_t*>(connection.user) += buffer.size();
    connection.send(std::move(buffer));
  }
  void ended(Connection& connection) override { connection.finish(); }
  void closed(Connection& connection, Errc) override {
    ended_ = true;
    connection.user = nullptr;
  }

  // In the order in which they were opened.
  [[nodiscard]] std::uint64_t share(std::size_t number) const { return *shares_[number]; }
  [[nodiscard]] std::size_t opened_count() const { return shares_.size(); }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  std::vector<std::unique_ptr<std::uint64_t>> shares_;
  bool ended_ = false;
};

class FairRun {
 public:
  FairRun(std::uint64_t seed, bool tracing);
  [[nodiscard]] std::string run(Extremes& seen);

 private:
  // What each stream had received after some turn, and their mean.
  struct Sample {
    double mean;
    std::vector<double> shares;
  };

  void knock(const Script& script);
  void take_sample();
  [[nodiscard]] Extremes extremes() const;

  World world_;
  engine::BackendTraits traits_;
  WorkerOptions options_;
  Counters counters_;
  CountingEcho echo_;
  std::vector<std::unique_ptr<Peer>> peers_;
  SimBackend* backend_ = nullptr;
  std::unique_ptr<engine::WorkerLoop> loop_;
  std::size_t streams_;
  std::vector<Sample> samples_;
};

FairRun::FairRun(std::uint64_t seed, bool tracing) : world_(test::Random(seed)) {
  world_.tracing = tracing;
  world_.faults.clear();
  traits_.name = "sim";
  traits_.multishot_receive = !world_.one_in(3);
  traits_.receive_limit = traits_.multishot_receive;
  options_.counters = &counters_;
  options_.window_bytes = world_.between(2 * kCredit, 600'000);
  streams_ = world_.between(4, 12);
  const std::size_t buffers = world_.one_in(2) ? world_.between(2, 8) : 64;
  auto backend = std::make_unique<SimBackend>(world_, traits_, kCredit, buffers);
  backend_ = backend.get();
  loop_ = std::make_unique<engine::WorkerLoop>(options_, std::move(backend), "", nullptr);
}

void FairRun::knock(const Script& script) {
  constexpr std::uint64_t kLatency = 100;
  const auto stream = static_cast<std::uint32_t>(peers_.size());
  const auto wire = std::make_shared<Wire>(world_, stream, kLatency, kRoom);
  peers_.push_back(std::make_unique<Peer>(world_, wire, script));
  peers_.back()->begin();
  backend_->knock(wire);
}

void FairRun::take_sample() {
  Sample& sample = samples_.emplace_back();
  for (std::size_t i = 0; i < streams_; ++i) {
    sample.shares.push_back(static_cast<double>(echo_.share(i)));
    sample.mean += sample.shares.back() / static_cast<double>(streams_);
  }
}

// Of all stretches that are just long enough: longer ones are made of these.
Extremes FairRun::extremes() const {
  Extremes found;
  for (std::size_t begin = 0, end = 0; end < samples_.size(); ++end) {
    while (samples_[end].mean - samples_[begin + 1].mean >= kStretch) ++begin;
    const double mean = samples_[end].mean - samples_[begin].mean;
    if (mean < kStretch) continue;
    for (std::size_t i = 0; i < streams_; ++i) {
      const double share = samples_[end].shares[i] - samples_[begin].shares[i];
      found.add({share / mean, share / mean});
    }
  }
  return found;
}

std::string FairRun::run(Extremes& seen) {
  Listener* listener = loop_->listen_on(SimBackend::kListener, echo_);
  for (std::size_t i = 0; i < streams_; ++i) knock({.bytes = kStream});
  for (std::uint64_t i = world_.between(0, 4); i > 0; --i) {
    knock({.bytes = 100'000, .piece = 500, .pause_ns = kMillisecond});
  }
  while (world_.wrong.empty() && !backend_->stuck() && !echo_.ended()) {
    loop_->turn(std::chrono::seconds{1});
    bool all_go_on = echo_.opened_count() >= streams_;
    for (std::size_t i = 0; all_go_on && i < streams_; ++i) {
      all_go_on = peers_[i]->wire->written < kStream;
    }
    if (all_go_on) take_sample();
  }
  const Extremes found = extremes();
  seen.add(found);
  if (found.least < kLeast || found.most > kMost) {
    world_.fail("of " + std::to_string(streams_) + " streams one had " +
                std::to_string(found.least) + " and one " + std::to_string(found.most) +
                " of the mean, over a stretch of " + std::to_string(kStretch) + " bytes each");
  }
  if (backend_->stuck()) world_.fail("nothing will ever happen");
  loop_->stop_listening(listener);
  if (!world_.wrong.empty()) std::fprintf(stderr, "%s\n", world_.wrong.c_str());
  return world_.wrong;
}

}  // namespace

std::string run_fair(std::uint64_t seed, bool tracing, Extremes& seen) {
  return FairRun(seed, tracing).run(seen);
}

}  // namespace ouro::sim
