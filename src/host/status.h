// What a server says of itself, and of what it was asked to do, as JSON; docs/ctl.md has the keys.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/shared_pages.h"

namespace ouro::host {

// How the last reload went.
struct ReloadStatus {
  bool done = false;                   // it is in force everywhere
  std::vector<std::string> reasons{};  // why it was refused; not done and no reason: under way
  std::uint64_t unix_ms = 0;           // of its end; of its begin if it is under way
};

// What the master knows, beside the shared pages.
struct ServerStatus {
  std::string program;  // "echo"
  std::string version;
  int process_id = 0;
  std::uint64_t started_unix_ms = 0;
  std::uint64_t state_unix_ms = 0;  // since when it is in this state
  std::vector<std::string> listeners;
  std::optional<std::string> admin;
  std::uint64_t reloads = 0;  // that were good
  std::optional<ReloadStatus> last_reload;
};

[[nodiscard]] std::string status_json(const ServerStatus& status, const SharedPages& pages);
// The same, with what the application has to say added.
[[nodiscard]] std::string with_facts(const std::string& status,
                                     std::span<const std::pair<std::string, std::string>> facts);
// What became of something that was to be changed: done if there are no reasons against it.
[[nodiscard]] std::string outcome_json(std::span<const std::string> reasons);

[[nodiscard]] const char* to_string(ServerState state) noexcept;
[[nodiscard]] const char* to_string(ChildState state) noexcept;

}  // namespace ouro::host
