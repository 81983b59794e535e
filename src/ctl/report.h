// What a server says of itself and of its servers, for people to read. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ouro::ctl {

// Nothing: it is not what it should be.
[[nodiscard]] std::optional<std::string> status_text(std::string_view json);
[[nodiscard]] std::optional<std::string> servers_text(std::string_view json);
// The same JSON, by lines.
[[nodiscard]] std::optional<std::string> pretty(std::string_view json);

// What became of something that was to be changed.
struct OutcomeReport {
  bool done = false;
  std::vector<std::string> reasons{};  // against it
  std::string server{};                // that it was about, by its full name
};
[[nodiscard]] std::optional<OutcomeReport> read_outcome(std::string_view json);
[[nodiscard]] std::string outcome_json(const OutcomeReport& outcome);

// Connections with the server of that name, whatever addresses it has; nothing: the list has none.
// Fails as the others do, with `wrong`.
[[nodiscard]] std::optional<std::uint64_t> connections_of(std::string_view json,
                                                          const std::string& server, bool& wrong);

}  // namespace ouro::ctl
