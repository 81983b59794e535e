#include "host/status.h"

#include <nlohmann/json.hpp>

#include "base/time_text.h"

namespace ouro::host {
namespace {

using Json = nlohmann::ordered_json;

// Raised when a member changes its meaning or goes; new ones may come without.
constexpr int kSchemaVersion = 1;

// Names of files need not be UTF-8.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json workers_json(const SharedPages& pages) {
  Json workers = Json::array();
  for (const WorkerPage& page : pages.workers()) {
    workers.push_back({{"index", workers.size()},
                       {"pid", page.process_id.load()},
                       {"state", to_string(page.state.load())},
                       {"connections", page.load()},
                       {"respawns", page.respawns.get()}});
  }
  return workers;
}

Json reload_json(const std::optional<ReloadStatus>& reload) {
  if (!reload) return nullptr;
  const char* outcome = reload->done ? "done" : reload->reasons.empty() ? "under way" : "refused";
  return {{"outcome", outcome}, {"at", time_text(reload->unix_ms)}, {"reasons", reload->reasons}};
}

}  // namespace

const char* to_string(ServerState state) noexcept {
  switch (state) {
    case ServerState::kStarting:
      return "starting";
    case ServerState::kReady:
      return "ready";
    case ServerState::kLeaving:
      return "leaving";
  }
  return "";
}

const char* to_string(ChildState state) noexcept {
  switch (state) {
    case ChildState::kDown:
      return "down";
    case ChildState::kStarting:
      return "starting";
    case ChildState::kLive:
      return "live";
    case ChildState::kHung:
      return "hung";
    case ChildState::kLeaving:
      return "leaving";
  }
  return "";
}

std::string status_json(const ServerStatus& status, const SharedPages& pages) {
  const WorkerPage& attendant = pages.attendant();
  const bool uring = pages.master().engine_is_uring.load();
  return dump({{"schema", kSchemaVersion},
               {"program", status.program},
               {"version", status.version},
               {"pid", status.process_id},
               {"state", to_string(pages.master().state.load())},
               {"since", time_text(status.state_unix_ms)},
               {"started", time_text(status.started_unix_ms)},
               {"engine", uring ? "io_uring" : "epoll"},
               {"workers", workers_json(pages)},
               {"attendant",
                {{"pid", attendant.process_id.load()}, {"respawns", attendant.respawns.get()}}},
               {"listeners", status.listeners},
               {"admin", status.admin ? Json(*status.admin) : Json(nullptr)},
               {"reloads", status.reloads},
               {"last_reload", reload_json(status.last_reload)}});
}

std::string with_facts(const std::string& status,
                       std::span<const std::pair<std::string, std::string>> facts) {
  Json json = Json::parse(status, nullptr, false);
  if (!json.is_object()) return status;
  for (const auto& [key, value] : facts) json[key] = value;
  return dump(json);
}

std::string outcome_json(std::span<const std::string> reasons) {
  if (reasons.empty()) return dump({{"outcome", "done"}});
  return dump({{"outcome", "refused"},
               {"reasons", std::vector<std::string>(reasons.begin(), reasons.end())}});
}

}  // namespace ouro::host
