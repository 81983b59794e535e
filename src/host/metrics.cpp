#include "host/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "host/balance.h"
#include "host/claims.h"

namespace ouro::host {
namespace {

// Appends lines; each family of metrics begins with what it is.
class Page {
 public:
  void family(std::string_view name, std::string_view kind, std::string_view help) {
    fmt::format_to(out(), "# HELP ouro_{0} {2}\n# TYPE ouro_{0} {1}\n", name, kind, help);
  }
  void value(std::string_view name, std::uint64_t value) {
    fmt::format_to(out(), "ouro_{} {}\n", name, value);
  }
  void worker_value(std::string_view name, std::size_t worker, auto value) {
    fmt::format_to(out(), "ouro_{}{{worker=\"{}\"}} {}\n", name, worker, value);
  }
  void single(std::string_view name, std::string_view kind, std::string_view help,
              std::uint64_t number) {
    family(name, kind, help);
    value(name, number);
  }
  // One line per worker; `get` gives its value.
  void per_worker(std::string_view name, std::string_view kind, std::string_view help,
                  std::span<const WorkerPage> workers, auto get) {
    family(name, kind, help);
    for (std::size_t i = 0; i < workers.size(); ++i) worker_value(name, i, get(workers[i]));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  std::string text_;
};

bool is_up(const WorkerPage& page) noexcept {
  const ChildState state = page.state.load();
  return state == ChildState::kLive || state == ChildState::kLeaving;
}

double seconds_since_turn(const WorkerPage& page, std::uint64_t now_ns) noexcept {
  const std::uint64_t last = page.counters.last_turn_ns.get();
  return last == 0 || last > now_ns ? 0.0 : static_cast<double>(now_ns - last) * 1e-9;
}

void append_server(Page& page, const ServerInfo& info, const SharedPages& pages) {
  page.family("build_info", "gauge", "the program and the engine its workers run on");
  const char* engine = pages.master().engine_is_uring.load() ? "io_uring" : "epoll";
  page.value(fmt::format("build_info{{program=\"{}\",version=\"{}\",engine=\"{}\"}}", info.name,
                         info.version, engine),
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

void append_workers(Page& page, std::span<const WorkerPage> workers, std::uint64_t now_ns) {
  page.per_worker("worker_up", "gauge", "1 while the worker runs and answers", workers,
                  [](const WorkerPage& worker) { return is_up(worker) ? 1 : 0; });
  page.per_worker("worker_respawns_total", "counter", "times the worker was replaced", workers,
                  [](const WorkerPage& worker) { return worker.respawns.get(); });
  page.per_worker("worker_waiting", "gauge", "1 while connections wait for a place under the limit",
                  workers, [](const WorkerPage& worker) { return worker.waiting.load() ? 1 : 0; });
  page.per_worker(
      "worker_turn_age_seconds", "gauge", "time since the worker's last turn", workers,
      [now_ns](const WorkerPage& worker) { return seconds_since_turn(worker, now_ns); });
}

void append_balance(Page& page, std::span<const WorkerPage> workers) {
  std::vector<WorkerLoad> loads;
  for (const WorkerPage& worker : workers) loads.push_back({worker.load(), is_up(worker)});
  page.single("connections_imbalance", "gauge",
              "connections of the fullest worker less those of the emptiest", imbalance(loads));
}

void append_counters(Page& page, std::span<const WorkerPage> workers) {
  const auto append = [&](std::string_view name, std::string_view kind, std::string_view help,
                          Counter Counters::* counter) {
    const std::string full = kind == "counter" ? fmt::format("{}_total", name) : std::string{name};
    page.per_worker(full, kind, help, workers, [counter](const WorkerPage& worker) {
      return (worker.counters.*counter).get();
    });
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
  Page page;
  append_server(page, info, pages);
  append_workers(page, pages.workers(), now_ns);
  append_balance(page, pages.workers());
  append_counters(page, pages.workers());
  return page.take();
}

}  // namespace ouro::host
