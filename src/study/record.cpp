#include "study/record.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "load/results.h"

namespace ouro::study {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kOutcomes{Outcome::kMeasured, Outcome::kMissing, Outcome::kNotStarted,
                               Outcome::kCrashed, Outcome::kFailed};

Json cpu_json(const std::optional<unsigned>& cpu) { return cpu ? Json(*cpu) : Json(nullptr); }

Json study_json(const RunRecord& record) {
  const RunIdentity& identity = record.identity;
  return {{"workload", identity.workload},
          {"server", identity.server},
          {"repetition", identity.repetition},
          {"command", identity.command},
          {"arguments", identity.arguments},
          {"outcome", to_string(record.outcome)},
          {"what", record.what},
          {"said", record.said},
          {"cpus", record.place.cpus},
          {"server_cpu", cpu_json(record.place.server_cpu)},
          {"generator_cpu", cpu_json(record.place.generator_cpu)}};
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Reading: a member that is missing or of another kind is an exception of the library's, which
// read_record() turns into "no record".

std::optional<unsigned> cpu_of(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<unsigned>());
}

void read_study(const Json& json, RunRecord& record) {
  RunIdentity& identity = record.identity;
  json.at("workload").get_to(identity.workload);
  json.at("server").get_to(identity.server);
  json.at("repetition").get_to(identity.repetition);
  json.at("command").get_to(identity.command);
  json.at("arguments").get_to(identity.arguments);
  json.at("what").get_to(record.what);
  json.at("said").get_to(record.said);
  json.at("cpus").get_to(record.place.cpus);
  record.place.server_cpu = cpu_of(json.at("server_cpu"));
  record.place.generator_cpu = cpu_of(json.at("generator_cpu"));
  const auto word = json.at("outcome").get<std::string>();
  const auto* outcome =
      std::ranges::find(kOutcomes, word, [](Outcome one) { return to_string(one); });
  record.outcome = outcome == kOutcomes.end() ? Outcome::kFailed : *outcome;
}

void read_place(const Json& json, RunPlace& place) {
  const Json& machine = json.at("machine");
  machine.at("kernel").get_to(place.kernel);
  machine.at("cpu").get_to(place.cpu);
  json.at("ouro").get_to(place.version);
}

void read_server(const Json& json, double seconds, double requests, RunFigures& figures) {
  if (json.is_null() || seconds <= 0) return;
  const double cpu_ns = json.at("user_ns").get<double>() + json.at("kernel_ns").get<double>();
  figures.server_cpu = cpu_ns / 1e9 / seconds;
  if (requests > 0) figures.cpu_per_request_ns = cpu_ns / requests;
}

RunFigures figures_of(const Json& json) {
  RunFigures figures;
  const double seconds = json.at("measured_ns").get<double>() / 1e9;
  json.at("requests_per_second").get_to(figures.requests_per_second);
  if (seconds > 0) {
    figures.bits_per_second = json.at("bytes_received").get<double>() * 8 / seconds;
  }
  json.at("latency").at("p50_ns").get_to(figures.p50_ns);
  json.at("latency").at("p99_ns").get_to(figures.p99_ns);
  if (const Json& fairness = json.at("fairness"); !fairness.is_null()) {
    figures.jain = fairness.at("jain").get<double>();
    figures.min_max = fairness.at("min_max").get<double>();
  }
  read_server(json.at("server"), seconds, json.at("requests").get<double>(), figures);
  for (const Json& share : json.at("generator").at("thread_cpu")) {
    figures.generator_cpu = std::max(figures.generator_cpu, share.get<double>());
  }
  json.at("errors").get_to(figures.errors);
  figures.stood_still = json.value("silence_of_all_ns", std::uint64_t{0}) > 0;
  const double asked = json.at("options").value("rate", 0.0) * seconds;
  if (asked > 0) figures.of_asked_rate = json.at("requests").get<double>() / asked;
  figures.packets_lost = load::packets_lost(json.value("segments_sent_again", std::uint64_t{0}),
                                            json.at("requests").get<std::uint64_t>());
  return figures;
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kMeasured:
      return "measured";
    case Outcome::kMissing:
      return "missing";
    case Outcome::kNotStarted:
      return "not started";
    case Outcome::kCrashed:
      return "crashed";
    case Outcome::kFailed:
      return "failed";
  }
  return "";
}

std::string record_text(const RunRecord& record, std::string_view load_json) {
  std::string text = "{\n  \"study\": " + dump(study_json(record));
  const std::size_t first = load_json.find('"');
  if (first == std::string_view::npos) return text + "\n}\n";
  return text + ",\n  " + std::string(load_json.substr(first));
}

std::optional<RunRecord> read_record(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    RunRecord record;
    read_study(json.at("study"), record);
    if (json.contains("machine")) read_place(json, record.place);
    if (record.outcome == Outcome::kMeasured) record.figures = figures_of(json);
    const bool speechless = record.outcome == Outcome::kFailed && record.said.empty();
    if (speechless && json.contains("remarks")) json.at("remarks").get_to(record.said);
    return record;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace ouro::study
