#include <nlohmann/json.hpp>

#include "study/reports.h"

namespace ouro::study {
namespace {

using Json = nlohmann::ordered_json;

// Raised when a member changes its meaning or goes; new ones may come without.
constexpr int kSchemaVersion = 1;

Json optional_json(const auto& value) { return value ? Json(*value) : Json(nullptr); }

Json quartiles_json(const Quartiles& quartiles) {
  return {{"median", quartiles.median}, {"low", quartiles.low}, {"high", quartiles.high}};
}

Json ratio_json(const PairedRatio& ratio) {
  Json json = {{"median", ratio.median}, {"pairs", ratio.pairs}, {"interval", nullptr}};
  if (ratio.has_interval()) json["interval"] = {ratio.low, ratio.high};
  return json;
}

Json row_json(const Row& row) {
  return {{"server", row.server},
          {"runs", row.runs},
          {"rate", quartiles_json(row.rate)},
          {"rate_ratio", ratio_json(row.rate_ratio)},
          {"server_cpu_per_request_ns", quartiles_json(row.cpu_ns)},
          {"server_cpu_ratio", ratio_json(row.cpu_ratio)},
          {"p50_ns", row.p50_ns},
          {"p99_ns", row.p99_ns},
          {"jain", optional_json(row.jain)},
          {"min_max", optional_json(row.min_max)},
          {"server_cpu", row.server_cpu},
          {"generator_cpu", row.generator_cpu},
          {"generator_limited", row.generator_limited()},
          {"packets_lost", row.packets_lost},
          {"stood_still", row.stood_still},
          {"held_up", row.held_up},
          {"errors", row.errors},
          {"doubts", row.doubts},
          {"verdict", to_string(row.verdict)}};
}

Json workload_json(const WorkloadResult& workload) {
  Json rows = Json::array();
  for (const Row& row : workload.rows) rows.push_back(row_json(row));
  return {{"name", workload.name},
          {"arguments", workload.arguments},
          {"rate_unit", workload.mode == load::Mode::kStream ? "bits/s" : "requests/s"},
          {"rows", rows}};
}

Json finding_json(const Finding& finding) {
  return {{"server", finding.server},       {"outcome", to_string(finding.outcome)},
          {"what", finding.what},           {"times", finding.times},
          {"workloads", finding.workloads}, {"said", finding.said}};
}

Json place_json(const RunPlace& place) {
  return {{"kernel", place.kernel},
          {"cpu", place.cpu},
          {"cpus", place.cpus},
          {"ouro", place.version},
          {"server_cpu", optional_json(place.server_cpu)},
          {"generator_cpu", optional_json(place.generator_cpu)}};
}

Json all_of(const auto& items, const auto& to_json) {
  Json json = Json::array();
  for (const auto& item : items) json.push_back(to_json(item));
  return json;
}

}  // namespace

std::string summary_json(const Analysis& analysis, std::string_view version) {
  Json json = {{"schema", kSchemaVersion},
               {"ouro", version},
               {"plan", analysis.title},
               {"description", analysis.description},
               {"runs_planned", analysis.planned},
               {"runs_measured", analysis.measured},
               {"interrupted", analysis.interrupted},
               {"sentences", sentences(analysis)}};
  json["places"] = all_of(analysis.places, place_json);
  json["servers"] = all_of(analysis.servers, [](const ServerLine& server) {
    return Json{{"name", server.name}, {"command", server.command}};
  });
  json["findings"] = all_of(analysis.findings, finding_json);
  json["workloads"] = all_of(analysis.workloads, workload_json);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ouro::study
