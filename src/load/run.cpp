#include "load/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/units.h"
#include "load/generator.h"
#include "os/clock.h"
#include "os/machine.h"
#include "os/process.h"
#include "os/process_usage.h"

namespace ouro::load {
namespace {

constexpr std::size_t kFilesBeside = 64;  // files of a process beside its connections
constexpr std::size_t kFilesOfThread = 8;
constexpr std::chrono::milliseconds kWarmUpMax{1000};
constexpr std::chrono::milliseconds kHearing{60};  // a generator looks more often than that

std::chrono::milliseconds warm_up_of(const LoadOptions& options) {
  return options.warm_up.value_or(std::min(kWarmUpMax, options.duration / 10));
}

Result<void> check_files(const LoadOptions& options) {
  const std::size_t files = os::raise_file_limit();
  const std::size_t beside = kFilesBeside + kFilesOfThread * options.threads;
  if (options.connections + beside <= files) return {};
  return fail(Errc::kNoDescriptors,
              fmt::format("{} connections need more open files than the {} that are allowed; raise "
                          "the limit: ulimit -n",
                          options.connections, files));
}

// Conducts the generators from the thread that called.
class Conductor {
 public:
  Conductor(const LoadOptions& options, const Watcher& watcher, os::SignalReader signals)
      : options_(options), watcher_(watcher), signals_(std::move(signals)) {
    shared_.seconds.resize(options.threads);
    shared_.shares.resize(options.threads);
  }

  Result<Results> run();

 private:
  void start_threads();
  void conduct();
  void step(std::uint64_t now);
  void begin(std::uint64_t now);
  void report_second();
  void wait(std::uint64_t now);
  Result<void> look_at_server();
  void server_began();
  void server_ended();
  void collect();
  void add_timeline();
  [[nodiscard]] std::vector<double> sorted_shares();

  const LoadOptions& options_;
  const Watcher& watcher_;
  os::SignalReader signals_;
  const Pattern pattern_;
  Shared shared_;
  std::vector<std::unique_ptr<Generator>> generators_;
  std::vector<std::jthread> threads_;
  std::optional<os::ProcessUsage> usage_before_;
  std::uint64_t sent_again_before_ = 0;
  std::size_t seconds_told_ = 0;
  bool measuring_ = false;
  bool done_ = false;
  Results results_;
};

Result<Results> Conductor::run() {
  results_.options = options_;
  if (auto there = look_at_server(); !there) return std::unexpected(there.error());
  start_threads();
  conduct();
  shared_.stop.store(true);
  threads_.clear();  // joins
  if (!shared_.failure.empty()) return fail(Errc::kUnexpected, shared_.failure);
  collect();
  return std::move(results_);
}

Result<void> Conductor::look_at_server() {
  if (!options_.server_process) return {};
  const int process = *options_.server_process;
  if (!os::usage_of(process)) {
    return fail(Errc::kNotFound, fmt::format("there is no process {}", process));
  }
  results_.server = ServerResult{.process = process, .memory_before = os::memory_of(process)};
  return {};
}

void Conductor::start_threads() {
  std::size_t first = 0;
  for (unsigned i = 0; i < options_.threads; ++i) {
    const std::size_t rest = i < options_.connections % options_.threads ? 1 : 0;
    const std::size_t count = options_.connections / options_.threads + rest;
    const Part part{i, std::exchange(first, first + count), count};
    generators_.push_back(std::make_unique<Generator>(options_, pattern_, shared_, part));
  }
  for (auto& generator : generators_) {
    threads_.emplace_back([&generator] { generator->run(); });
  }
}

void Conductor::conduct() {
  while (!done_ && !shared_.stop.load()) {
    const std::uint64_t now = os::now_ns();
    step(now);
    wait(now);
  }
}

void Conductor::step(std::uint64_t now) {
  if (shared_.begin_ns.load() == 0) {
    if (shared_.arrived.load() == options_.threads) return begin(now);
    return watcher_({});
  }
  if (!measuring_ && now >= shared_.measure_from_ns.load()) {
    measuring_ = true;
    server_began();
  }
  if (measuring_ && now >= shared_.measure_until_ns.load()) {
    server_ended();
    done_ = true;
  }
  report_second();
}

// A little later, so that every generator has heard of it by then.
void Conductor::begin(std::uint64_t now) {
  const std::uint64_t begin = now + as_ns(kHearing);
  const std::uint64_t from = begin + as_ns(warm_up_of(options_));
  results_.warm_up_seconds = static_cast<double>(from - begin) / static_cast<double>(kSecondNs);
  shared_.measure_until_ns.store(from + as_ns(options_.duration));
  shared_.measure_from_ns.store(from);
  shared_.begin_ns.store(begin);
  watcher_({.stage = Progress::Stage::kWarmingUp});
}

// Until something is due, or for a moment; a signal ends the run.
void Conductor::wait(std::uint64_t now) {
  const std::uint64_t look_ns = shared_.begin_ns.load() == 0 ? kSecondNs / 200 : kSecondNs / 10;
  std::uint64_t until = now + look_ns;
  for (const auto* time : {&shared_.measure_from_ns, &shared_.measure_until_ns}) {
    if (const std::uint64_t at = time->load(); at > now) until = std::min(until, at);
  }
  const std::vector<int> fds{signals_.fd()};
  const std::uint64_t wait_ms = (until - now + 999'999) / 1'000'000;
  if (!os::wait_readable(fds, std::chrono::milliseconds(wait_ms)).front()) return;
  for (const os::Signal signal : signals_.read()) {
    if (signal == os::Signal::kChildChanged) continue;
    results_.interrupted = true;
    if (!measuring_) return shared_.fail("interrupted before anything was measured");
    // What there is, is told: the generators close their books at the end of the measured time.
    shared_.measure_until_ns.store(os::now_ns());
  }
}

void Conductor::server_began() {
  sent_again_before_ = os::segments_sent_again();
  if (results_.server) usage_before_ = os::usage_of(results_.server->process);
}

void Conductor::server_ended() {
  results_.sent_again = os::segments_sent_again() - sent_again_before_;
  if (!results_.server || !usage_before_) return;
  ServerResult& server = *results_.server;
  const auto usage = os::usage_of(server.process);
  if (!usage) return;  // it has ended, which the errors tell
  server.processes = usage->processes;
  const auto seconds = [](std::uint64_t before, std::uint64_t after) {
    return static_cast<double>(after - std::min(before, after)) / static_cast<double>(kSecondNs);
  };
  server.user_seconds = seconds(usage_before_->user_ns, usage->user_ns);
  server.kernel_seconds = seconds(usage_before_->kernel_ns, usage->kernel_ns);
  server.context_switches =
      usage->context_switches - std::min(usage->context_switches, usage_before_->context_switches);
  server.memory = os::memory_of(server.process);
}

SecondResult add_up(const std::vector<const SecondPart*>& parts, const LoadOptions& options) {
  SecondPart whole;
  for (const SecondPart* part : parts) {
    whole.seconds = std::max(whole.seconds, part->seconds);
    whole.requests += part->requests;
    whole.bytes += part->bytes;
    whole.connections += part->connections;
    whole.share_sum += part->share_sum;
    whole.share_square_sum += part->share_square_sum;
    whole.latency.add_all(part->latency);
  }
  if (options.mode == Mode::kStream) whole.requests = whole.bytes / options.size;
  const double spread = static_cast<double>(whole.connections) * whole.share_square_sum;
  return {.seconds = whole.seconds,
          .requests = whole.requests,
          .bytes = whole.bytes,
          .p50_ns = whole.latency.quantile(0.5),
          .p99_ns = whole.latency.quantile(0.99),
          .max_ns = whole.latency.max(),
          .jain = spread > 0 ? whole.share_sum * whole.share_sum / spread : 1};
}

void Conductor::add_timeline() {
  const std::lock_guard lock(shared_.mutex);
  while (true) {
    std::vector<const SecondPart*> parts;
    for (const auto& seconds : shared_.seconds) {
      if (seconds.size() > results_.timeline.size()) {
        parts.push_back(&seconds[results_.timeline.size()]);
      }
    }
    if (parts.size() < shared_.seconds.size()) return;
    results_.timeline.push_back(add_up(parts, options_));
  }
}

std::vector<double> Conductor::sorted_shares() {
  const std::lock_guard lock(shared_.mutex);
  std::vector<double> all;
  for (const auto& shares : shared_.shares) all.insert(all.end(), shares.begin(), shares.end());
  std::ranges::sort(all);
  return all;
}

void Conductor::report_second() {
  add_timeline();
  if (results_.timeline.size() == seconds_told_) return;
  seconds_told_ = results_.timeline.size();
  const SecondResult& last = results_.timeline.back();
  const double seconds = std::max(last.seconds, 1e-9);
  watcher_({.stage = Progress::Stage::kMeasuring,
            .seconds = static_cast<double>(seconds_told_),
            .p50_ns = last.p50_ns,
            .p99_ns = last.p99_ns,
            .max_ns = last.max_ns,
            .requests_per_second = static_cast<double>(last.requests) / seconds,
            .bytes_per_second = static_cast<double>(last.bytes) / seconds,
            .jain = last.jain,
            .shares = sorted_shares()});
}

void Conductor::collect() {
  for (const auto& generator : generators_) generator->tell(results_);
  add_timeline();
  if (options_.mode == Mode::kStream) results_.requests = results_.bytes_received / options_.size;
}

}  // namespace

Result<Results> run_load(const LoadOptions& options, const Watcher& watcher) {
  if (auto enough = check_files(options); !enough) return std::unexpected(enough.error());
  auto signals = os::SignalReader::create();
  if (!signals) return std::unexpected(signals.error());
  return Conductor(options, watcher, std::move(*signals)).run();
}

}  // namespace ouro::load
