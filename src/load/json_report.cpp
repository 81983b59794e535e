#include "load/json_report.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "load/summary.h"
#include "os/machine.h"

namespace ouro::load {
namespace {

using Json = nlohmann::ordered_json;

// Raised when a member changes its meaning or goes; new ones may come without.
constexpr int kSchemaVersion = 1;

std::string dump(const Json& json) {
  // A path or a host name need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

std::int64_t nanoseconds(std::chrono::milliseconds time) {
  return std::chrono::nanoseconds(time).count();
}

std::string_view name_of(EngineChoice engine) {
  switch (engine) {
    case EngineChoice::kAuto:
      return "auto";
    case EngineChoice::kUring:
      return "uring";
    case EngineChoice::kEpoll:
      return "epoll";
  }
  return "";
}

Json machine_json() {
  const os::Machine machine = os::this_machine();
  return {{"kernel", machine.kernel}, {"cpu", machine.cpu}, {"cpus", machine.cpus}};
}

Json options_json(const LoadOptions& options) {
  Json json = {{"target", options.target.text},
               {"protocol", options.target.protocol == Protocol::kHttp ? "http" : "echo"},
               {"address", options.target.address.to_string()},
               {"mode", to_string(options.mode)},
               {"engine", name_of(options.engine)},
               {"connections", options.connections},
               {"size", options.size},
               {"depth", options.depth},
               {"rate", options.rate},
               {"poisson", options.poisson},
               {"headers", options.headers},
               {"window", options.window},
               {"active", options.active},
               {"duration_ns", nanoseconds(options.duration)},
               {"warm_up_ns", nullptr},
               {"threads", options.threads},
               {"verify", options.verify},
               {"server_process", nullptr}};
  if (options.warm_up) json["warm_up_ns"] = nanoseconds(*options.warm_up);
  if (options.server_process) json["server_process"] = *options.server_process;
  return json;
}

// The cells that hold something, as [smallest value in it, how many].
Json cells_json(const Histogram& times) {
  Json cells = Json::array();
  for (std::size_t cell = 0; cell < Histogram::kCells; ++cell) {
    const std::uint64_t count = times.in_cell(cell);
    if (count > 0) cells.push_back(Json::array({Histogram::begin_of(cell), count}));
  }
  return cells;
}

Json histogram_json(const Histogram& times) {
  return {{"count", times.count()},
          {"mean_ns", times.mean()},
          {"p50_ns", times.quantile(0.5)},
          {"p90_ns", times.quantile(0.9)},
          {"p99_ns", times.quantile(0.99)},
          {"p99_9_ns", times.quantile(0.999)},
          {"p99_99_ns", times.quantile(0.9999)},
          {"max_ns", times.max()},
          {"cells", cells_json(times)}};
}

Json corruption_json(const std::optional<Corruption>& corruption) {
  if (!corruption) return nullptr;
  return {{"connection", corruption->connection},
          {"offset", corruption->offset},
          {"expected", corruption->expected},
          {"received", corruption->received}};
}

// A column: one member of every row.
template <typename Row, typename Value>
Json column(const std::vector<Row>& rows, Value Row::* member) {
  Json values = Json::array();
  for (const Row& row : rows) values.push_back(row.*member);
  return values;
}

Json timeline_json(const std::vector<SecondResult>& timeline) {
  Json lengths = Json::array();
  for (const SecondResult& second : timeline) lengths.push_back(nanoseconds(second.seconds));
  return {{"length_ns", lengths},
          {"requests", column(timeline, &SecondResult::requests)},
          {"bytes", column(timeline, &SecondResult::bytes)},
          {"p50_ns", column(timeline, &SecondResult::p50_ns)},
          {"p99_ns", column(timeline, &SecondResult::p99_ns)},
          {"max_ns", column(timeline, &SecondResult::max_ns)},
          {"jain", column(timeline, &SecondResult::jain)}};
}

Json connections_json(const std::vector<ConnectionResult>& connections) {
  return {{"requests", column(connections, &ConnectionResult::requests)},
          {"bytes", column(connections, &ConnectionResult::bytes)},
          {"p99_ns", column(connections, &ConnectionResult::p99_ns)},
          {"longest_silence_ns", column(connections, &ConnectionResult::longest_silence_ns)},
          {"first_service_ns", column(connections, &ConnectionResult::first_service_ns)}};
}

Json server_json(const std::optional<ServerResult>& server) {
  if (!server) return nullptr;
  return {{"process", server->process},
          {"processes", server->processes},
          {"user_ns", nanoseconds(server->user_seconds)},
          {"kernel_ns", nanoseconds(server->kernel_seconds)},
          {"context_switches", server->context_switches},
          {"memory_before_bytes", server->memory_before},
          {"memory_bytes", server->memory}};
}

Json spread_json(const Spread& spread) {
  return {{"min", spread.min}, {"p1", spread.p1}, {"p50", spread.p50}, {"max", spread.max}};
}

Json fairness_json(const Results& results) {
  if (results.connections.empty()) return nullptr;
  const Fairness fair = fairness(results);
  return {{"jain", fair.jain},
          {"jain_worst_second", fair.worst_second},
          {"min_max", fair.min_max},
          {"starved", fair.starved},
          {"longest_silence_ns", fair.longest_silence_ns},
          {"share_unit", results.options.mode == Mode::kStream ? "bytes/s" : "requests/s"},
          {"share", spread_json(fair.share)},
          {"p99_ns", spread_json(fair.p99_ns)}};
}

void add_totals(Json& json, const Results& results) {
  json["engine"] = results.engine;
  json["measured_ns"] = nanoseconds(results.seconds);
  json["warm_up_ns"] = nanoseconds(results.warm_up_seconds);
  json["interrupted"] = results.interrupted;
  json["requests"] = results.requests;
  json["requests_per_second"] = per_second(results, results.requests);
  json["bytes_received"] = results.bytes_received;
  json["bytes_sent"] = results.bytes_sent;
  json["lost"] = results.lost;
  json["unanswered"] = results.unanswered;
  json["unsent"] = results.unsent;
  json["errors"] = Json(results.errors);
  json["early_errors"] = Json(results.early_errors);
  json["corrupt"] = results.corrupt;
  json["first_corruption"] = corruption_json(results.first_corruption);
}

void add_histograms(Json& json, const Results& results) {
  json["latency"] = histogram_json(results.latency);
  json["service"] = histogram_json(results.service);
  json["connect"] = histogram_json(results.connect);
  json["first_service"] = histogram_json(results.first_service);
  json["late_sends"] = histogram_json(results.late_sends);
}

// Indenting everything would give each number of a thousand connections a line of its own.
std::string one_line_each(const Json& json) {
  std::string text;
  for (const auto& [name, value] : json.items()) {
    text += (text.empty() ? "{\n  " : ",\n  ") + dump(Json(name)) + ": " + dump(value);
  }
  return text + "\n}\n";
}

}  // namespace

std::string json_report(const Results& results, std::string_view version) {
  Json json = {{"schema", kSchemaVersion}, {"ouro", version}, {"machine", machine_json()}};
  json["options"] = options_json(results.options);
  add_totals(json, results);
  json["segments_sent_again"] = results.sent_again;
  json["silence_of_all_ns"] = silence_of_all_ns(results);
  json["remarks"] = remarks(results);
  json["fairness"] = fairness_json(results);
  json["server"] = server_json(results.server);
  json["generator"] = {{"thread_cpu", results.thread_cpu}};
  add_histograms(json, results);
  json["timeline"] = timeline_json(results.timeline);
  json["connections"] = connections_json(results.connections);
  return one_line_each(json);
}

}  // namespace ouro::load
