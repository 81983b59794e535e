#include "load/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/units.h"
#include "load/figures.h"

namespace ouro::load {
namespace {

using Section = SummarySection;
using Row = SummaryRow;

std::string time(double ns) { return figure(ns, Unit::kNanoseconds); }
std::string time(std::uint64_t ns) { return time(static_cast<double>(ns)); }

std::string size(std::uint64_t bytes) { return figure(static_cast<double>(bytes), Unit::kBytes); }

Section what_ran(const Results& results) {
  const LoadOptions& options = results.options;
  return {.name = "",
          .columns = {},
          .rows = {{"target", {options.target.text}},
                   {"load", {load_text(options)}},
                   {"run",
                    {fmt::format("{:.2f} s after {:.2f} s of warm-up, engine {}, {} thread{}",
                                 results.seconds, results.warm_up_seconds, results.engine,
                                 options.threads, options.threads == 1 ? "" : "s")}}},
          .note = ""};
}

std::string bandwidth(const Results& results, std::uint64_t bytes) {
  return fmt::format("{:<14} {} in all",
                     figure(per_second(results, bytes) * 8, Unit::kBitsPerSecond), size(bytes));
}

Section throughput(const Results& results) {
  const std::string rate = fmt::format("{:.0f}/s", per_second(results, results.requests));
  Section section;
  section.rows = {{std::string{request_name(results.options.mode)},
                   {fmt::format("{:<14} {} in all", rate, results.requests)}},
                  {"received", {bandwidth(results, results.bytes_received)}},
                  {"sent", {bandwidth(results, results.bytes_sent)}}};
  if (open_loop(results.options.mode)) {
    section.rows.push_back(
        {"unanswered",
         {fmt::format("{} on their way when time was up, {} due and not sent, {} lost with their "
                      "connection",
                      results.unanswered, results.unsent, results.lost)}});
  }
  return section;
}

void add_times(Section& section, std::string name, const Histogram& times) {
  if (times.count() == 0) return;
  Row row{std::move(name), {}};
  for (const double share : {0.5, 0.9, 0.99, 0.999, 0.9999}) {
    row.cells.push_back(time(times.quantile(share)));
  }
  row.cells.push_back(time(times.max()));
  row.cells.push_back(time(times.mean()));
  section.rows.push_back(std::move(row));
}

Section latency(const Results& results) {
  Section section{.name = "latency",
                  .columns = {"p50", "p90", "p99", "p99.9", "p99.99", "max", "mean"},
                  .rows = {},
                  .note = ""};
  if (open_loop(results.options.mode)) {
    add_times(section, "from intended", results.latency);
    add_times(section, "from sending", results.service);
    add_times(section, "sent late by", results.late_sends);
    section.note = kOpenLoopNote;
  } else {
    add_times(section, "response", results.latency);
    if (results.latency.count() > 0) section.note = kClosedLoopNote;
  }
  add_times(section, "connect", results.connect);
  add_times(section, "first service", results.first_service);
  return section;
}

Section fairness_figures(const Fairness& fair) {
  Section section;
  section.name = "fairness";
  section.rows = {
      {"Jain's index",
       {fmt::format("{:.4f} over the run, {:.4f} in the worst second", fair.jain,
                    fair.worst_second)}},
      {"min/max", {fmt::format("{:.3f}, slowest connection to fastest", fair.min_max)}},
      {"starved",
       {fair.starved == 0 ? "none"
                          : fmt::format("{}, with less than a tenth of the mean", fair.starved)}},
      {"silence", {time(fair.longest_silence_ns) + ", the longest wait for a byte"}}};
  return section;
}

Row spread_row(std::string name, const Spread& spread, Unit unit) {
  return {std::move(name),
          {figure(spread.min, unit), figure(spread.p1, unit), figure(spread.p50, unit),
           figure(spread.max, unit)}};
}

Section spread_over_connections(const Results& results, const Fairness& fair) {
  Section section;
  section.name = "per connection";
  section.columns = {"min", "p1", "p50", "max"};
  if (results.options.mode == Mode::kStream) {
    section.rows.push_back(spread_row("received/s", fair.share, Unit::kBytes));
  } else {
    section.rows.push_back(spread_row("requests/s", fair.share, Unit::kCount));
  }
  if (fair.p99_ns.max > 0) {
    section.rows.push_back(spread_row("p99", fair.p99_ns, Unit::kNanoseconds));
  }
  return section;
}

Section troubles(const Results& results) {
  Section section;
  section.rows = {{"errors", {errors_text(results)}}, {"verify", {verification_text(results)}}};
  return section;
}

std::string cpu_per_request(const Results& results, const ServerResult& server) {
  const double to_us = results.requests == 0 ? 0 : 1e6 / static_cast<double>(results.requests);
  return fmt::format("{:.2f} us = {:.2f} user + {:.2f} kernel",
                     (server.user_seconds + server.kernel_seconds) * to_us,
                     server.user_seconds * to_us, server.kernel_seconds * to_us);
}

std::string memory_text(const Results& results, const ServerResult& server) {
  const std::uint64_t more =
      server.memory > server.memory_before ? server.memory - server.memory_before : 0;
  if (server.memory == 0) return "may not be looked at";
  const std::size_t connections = results.options.connections;
  const std::string each = more == 0 ? "nothing" : size(connections == 0 ? 0 : more / connections);
  return fmt::format("{} per connection ({} before, {} at the end)", each,
                     size(server.memory_before), size(server.memory));
}

Section server_figures(const Results& results, const ServerResult& server) {
  const double requests = results.requests == 0 ? 1 : static_cast<double>(results.requests);
  const double seconds = results.seconds > 0 ? results.seconds : 1;
  Section section;
  if (server.processes == 0) {
    section.rows = {
        {"server", {fmt::format("process {} ended, or may not be looked at", server.process)}}};
    return section;
  }
  section.name = fmt::format(
      "server (process {}{})", server.process,
      server.processes > 1 ? fmt::format(", {} with its children", server.processes) : "");
  const std::string one = results.options.mode == Mode::kStream ? "message" : "request";
  section.rows = {
      {"CPU/" + one, {cpu_per_request(results, server)}},
      {"CPU in all",
       {percent((server.user_seconds + server.kernel_seconds) / seconds) + " of one CPU"}},
      {"switches/" + one,
       {fmt::format("{:.3f}", static_cast<double>(server.context_switches) / requests)}},
      {"memory", {memory_text(results, server)}}};
  return section;
}

Section generator_figures(const Results& results) {
  std::vector<std::string> threads;
  threads.reserve(results.thread_cpu.size());
  for (const double share : results.thread_cpu) threads.push_back(percent(share));
  Section section;
  section.rows = {{"generator", {fmt::format("CPU per thread: {}", fmt::join(threads, ", "))}}};
  return section;
}

}  // namespace

std::string load_text(const LoadOptions& options) {
  std::string text =
      fmt::format("{}, {} connections", to_string(options.mode), options.connections);
  if (options.mode == Mode::kIdle) text += fmt::format(" ({} active)", options.active);
  if (options.target.protocol == Protocol::kEcho) {
    text += fmt::format(", {} messages", figure(static_cast<double>(options.size), Unit::kBytes));
  }
  if (options.mode == Mode::kRequest) text += fmt::format(", depth {}", options.depth);
  if (options.mode == Mode::kStream) text += ", window " + format_size(options.window);
  if (options.mode == Mode::kRate) {
    text += fmt::format(", {:g} requests/s, {}", options.rate,
                        options.poisson ? "Poisson arrivals" : "evenly spaced");
  }
  return text;
}

std::string_view request_name(Mode mode) noexcept {
  return mode == Mode::kStream ? "messages" : "requests";
}

double per_second(const Results& results, std::uint64_t amount) noexcept {
  return results.seconds > 0 ? static_cast<double>(amount) / results.seconds : 0;
}

std::string errors_text(const Results& results) {
  const auto list = [](const std::map<std::string, std::uint64_t>& errors) {
    std::vector<std::string> kinds;
    kinds.reserve(errors.size());
    for (const auto& [kind, count] : errors) kinds.push_back(fmt::format("{} {}", count, kind));
    return kinds.empty() ? "none" : fmt::format("{}", fmt::join(kinds, ", "));
  };
  const std::string early =
      results.early_errors.empty() ? "" : "; before measuring: " + list(results.early_errors);
  return list(results.errors) + early;
}

std::string verification_text(const Results& results) {
  if (!results.options.verify) return "off";
  if (results.corrupt == 0) {
    return results.bytes_received == 0 ? "nothing came back to verify"
                                       : "ok, every byte came back as it was sent";
  }
  return "WRONG, " + corruption_text(results);
}

std::vector<SummarySection> summarize(const Results& results) {
  std::vector<Section> sections{what_ran(results), throughput(results), latency(results)};
  if (!results.connections.empty()) {
    const Fairness fair = fairness(results);
    sections.push_back(fairness_figures(fair));
    sections.push_back(spread_over_connections(results, fair));
  }
  sections.push_back(troubles(results));
  if (results.server) sections.push_back(server_figures(results, *results.server));
  if (!results.thread_cpu.empty()) sections.push_back(generator_figures(results));
  return sections;
}

}  // namespace ouro::load
