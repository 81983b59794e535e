#include "host/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "host/balance.h"
#include "host/claims.h"
#include "host/metrics_page.h"

namespace ouro::host {
namespace {

// One line per worker; `get` gives its value.
void per_worker(MetricsPage& page, std::string_view name, std::string_view kind,
                std::string_view help, std::span<const WorkerPage> workers, auto get) {
  page.family(name, kind, help);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    page.value(name, fmt::format("worker=\"{}\"", i), get(workers[i]));
  }
}

bool is_up(const WorkerPage& page) noexcept {
  const ChildState state = page.state.load();
  return state == ChildState::kLive || state == ChildState::kLeaving;
}

double seconds_since_turn(const WorkerPage& page, std::uint64_t now_ns) noexcept {
  const std::uint64_t last = page.counters.last_turn_ns.get();
  return last == 0 || last > now_ns ? 0.0 : static_cast<double>(now_ns - last) * 1e-9;
}

void append_server(MetricsPage& page, const ServerInfo& info, const SharedPages& pages) {
  page.family("build_info", "gauge", "the program and the engine its workers run on");
  const char* engine = pages.master().engine_is_uring.load() ? "io_uring" : "epoll";
  page.value(
      "build_info",
      fmt::format("program=\"{}\",version=\"{}\",engine=\"{}\"", info.name, info.version, engine),
      1);
  page.single("ready", "gauge", "1 while new connections are wanted here", is_healthy(pages));
  page.single("workers", "gauge", "workers this server runs", pages.workers().size());
  page.single("server_connections", "gauge", "connections over all workers",
              total_claimed(pages.workers()).value_or(0));
  if (info.max_connections > 0) {
    page.single("server_connections_max", "gauge", "most connections over all workers",
                info.max_connections);
  }
  page.single("attendant_respawns_total", "counter", "times the attendant was replaced",
              pages.attendant().respawns.get());
}

void append_workers(MetricsPage& page, std::span<const WorkerPage> workers, std::uint64_t now_ns) {
  per_worker(page, "worker_up", "gauge", "1 while the worker runs and answers", workers,
             [](const WorkerPage& worker) { return is_up(worker) ? 1 : 0; });
  per_worker(page, "worker_respawns_total", "counter", "times the worker was replaced", workers,
             [](const WorkerPage& worker) { return worker.respawns.get(); });
  per_worker(page, "worker_waiting", "gauge",
             "1 while connections wait for a place under the limit", workers,
             [](const WorkerPage& worker) { return worker.waiting.load() ? 1 : 0; });
  per_worker(page, "worker_turn_age_seconds", "gauge", "time since the worker's last turn", workers,
             [now_ns](const WorkerPage& worker) { return seconds_since_turn(worker, now_ns); });
}

void append_balance(MetricsPage& page, std::span<const WorkerPage> workers) {
  std::vector<WorkerLoad> loads;
  for (const WorkerPage& worker : workers) loads.push_back({worker.load(), is_up(worker)});
  page.single("connections_imbalance", "gauge",
              "connections of the fullest worker less those of the emptiest", imbalance(loads));
}

void append_counters(MetricsPage& page, std::span<const WorkerPage> workers) {
  const auto append = [&](std::string_view name, std::string_view kind, std::string_view help,
                          Counter Counters::* counter) {
    const std::string full = kind == "counter" ? fmt::format("{}_total", name) : std::string{name};
    per_worker(page, full, kind, help, workers,
               [counter](const WorkerPage& worker) { return (worker.counters.*counter).get(); });
  };
#define OURO_APPEND(name, kind, help) append(#name, #kind, help, &Counters::name);
  OURO_COUNTERS(OURO_APPEND)
#undef OURO_APPEND
}

}  // namespace

bool is_healthy(const SharedPages& pages) noexcept {
  return pages.master().state.load() == ServerState::kReady &&
         std::ranges::any_of(pages.workers(), [](const WorkerPage& page) { return page.able(); });
}

std::string metrics_text(const ServerInfo& info, const SharedPages& pages, std::uint64_t now_ns) {
  std::string text;
  MetricsPage page(text);
  append_server(page, info, pages);
  append_workers(page, pages.workers(), now_ns);
  append_balance(page, pages.workers());
  append_counters(page, pages.workers());
  return text;
}

}  // namespace ouro::host
