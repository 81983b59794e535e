#include "ctl/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace ouro::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

// A member that is missing or of another kind is an exception of the library's, which ends here.
template <typename Read>
auto read_json(std::string_view text, const Read& read)
    -> std::optional<decltype(read(std::declval<const Json&>()))> {
  try {
    return read(Json::parse(text));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string word(const Json& json, const char* key) { return json.at(key).get<std::string>(); }

// What a terminal would take for an order is a question mark.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char letter) { return letter < ' ' || letter == 0x7f; }, '?');
  return text;
}

void add(std::string& text, std::string_view name, const std::string& value) {
  text += fmt::format("{:<12} {}\n", name, printable(value));
}

void add_workers(std::string& text, const Json& workers) {
  for (const Json& worker : workers) {
    add(text, fmt::format("worker {}", worker.at("index").get<unsigned>()),
        fmt::format("{}, pid {}, {} connections, replaced {} times", word(worker, "state"),
                    worker.at("pid").get<int>(), worker.at("connections").get<std::uint64_t>(),
                    worker.at("respawns").get<std::uint64_t>()));
  }
}

void add_reloads(std::string& text, const Json& json) {
  add(text, "reloads", std::to_string(json.at("reloads").get<std::uint64_t>()));
  const Json& last = json.at("last_reload");
  if (last.is_null()) return;
  add(text, "last reload", word(last, "outcome") + " at " + word(last, "at"));
  for (const Json& reason : last.at("reasons")) add(text, "", reason.get<std::string>());
}

std::string status_lines(const Json& json) {
  std::string text;
  add(text, "server", "ouro " + word(json, "program") + ' ' + word(json, "version"));
  add(text, "state", word(json, "state") + " since " + word(json, "since"));
  add(text, "pid", std::to_string(json.at("pid").get<int>()));
  add(text, "started", word(json, "started"));
  add(text, "engine", word(json, "engine"));
  add_workers(text, json.at("workers"));
  const Json& attendant = json.at("attendant");
  add(text, "attendant",
      fmt::format("pid {}, replaced {} times", attendant.at("pid").get<int>(),
                  attendant.at("respawns").get<std::uint64_t>()));
  for (const Json& address : json.at("listeners")) {
    add(text, "listens on", address.get<std::string>());
  }
  if (!json.at("admin").is_null()) add(text, "admin", word(json, "admin"));
  if (json.contains("config")) add(text, "config", word(json, "config"));
  add_reloads(text, json);
  return text;
}

using Row = std::array<std::string, 7>;

Row row_of(const Json& server) {
  const Json& since = server.at("since");
  const std::string address = word(server, "address");
  return {printable(word(server, "name")),
          address.empty() ? "-" : printable(address),
          printable(word(server, "state")),
          server.at("backup").get<bool>() ? "yes" : "no",
          std::to_string(server.at("weight").get<std::uint64_t>()),
          std::to_string(server.at("connections").get<std::uint64_t>()),
          since.is_null() ? "-" : printable(since.get<std::string>())};
}

std::string table(const Json& json) {
  std::vector<Row> rows{{"NAME", "ADDRESS", "STATE", "BACKUP", "WEIGHT", "CONNECTIONS", "SINCE"}};
  for (const Json& server : json.at("servers")) rows.push_back(row_of(server));
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      text += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    text += row.back() + '\n';
  }
  return text;
}

OutcomeReport outcome_of(const Json& json) {
  OutcomeReport report;
  report.done = word(json, "outcome") == "done";
  if (json.contains("server")) report.server = printable(word(json, "server"));
  if (report.done) return report;
  for (const Json& reason : json.at("reasons")) {
    report.reasons.push_back(printable(reason.get<std::string>()));
  }
  return report;
}

}  // namespace

std::optional<std::string> status_text(std::string_view json) {
  return read_json(json, status_lines);
}

std::optional<std::string> servers_text(std::string_view json) { return read_json(json, table); }

std::optional<std::string> pretty(std::string_view json) {
  return read_json(json, [](const Json& read) { return dump(read, 2); });
}

std::optional<OutcomeReport> read_outcome(std::string_view json) {
  return read_json(json, outcome_of);
}

std::string outcome_json(const OutcomeReport& outcome) {
  Json json = {{"outcome", outcome.done ? "done" : "refused"}};
  if (!outcome.server.empty()) json["server"] = outcome.server;
  if (!outcome.done) json["reasons"] = outcome.reasons;
  return dump(json, 2);
}

std::optional<std::uint64_t> connections_of(std::string_view json, const std::string& server,
                                            bool& wrong) {
  bool found = false;
  const auto count = read_json(json, [&](const Json& read) {
    std::uint64_t total = 0;
    for (const Json& one : read.at("servers")) {
      if (word(one, "name") != server) continue;
      found = true;
      total += one.at("connections").get<std::uint64_t>();
    }
    return total;
  });
  wrong = !count;
  return found ? count : std::nullopt;
}

}  // namespace ouro::ctl
