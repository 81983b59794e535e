// Reads a plan's TOML. Whatever is wrong is said with its place.

#include <fmt/format.h>

#include <algorithm>

#include "base/toml.h"
#include "study/plan.h"
#include "study/plan_workload.h"
#include "study/words.h"

namespace ouro::study {
namespace {

constexpr std::uint64_t kRepetitionsMax = 1000;

constexpr TimeLimits kDurations{std::chrono::milliseconds{100}, std::chrono::hours{24}};
constexpr TimeLimits kWarmUps{std::chrono::milliseconds{0}, std::chrono::hours{1}};

constexpr std::size_t kNameMost = 100;  // two of them are the name of a file

// A wrong plan, on its way to parse_plan(): reading is deep, and every level could fail.
struct Wrong {
  toml::source_position at;
  std::string what;
};

// Reads members of one table, remembering the first thing that is wrong.
class Reader {
 public:
  explicit Reader(std::optional<Wrong>& wrong) : wrong_(wrong) {}

  void refuse(const toml::node& node, std::string what) {
    if (!wrong_) wrong_ = Wrong{node.source().begin, std::move(what)};
  }

  void allow_only(const toml::table& table, const std::vector<std::string_view>& keys,
                  std::string_view where) {
    for (const auto& [key, node] : table) {
      if (std::ranges::count(keys, key.str()) > 0) continue;
      if (wrong_) return;
      wrong_ = Wrong{key.source().begin, fmt::format("there is no key '{}' in {}; there are {}",
                                                     key.str(), where, fmt::join(keys, ", "))};
    }
  }

  // Text, or nothing if the key is not there.
  std::optional<std::string> text(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value_exact<std::string>();
    if (!value) refuse(*node, fmt::format("'{}' is text in quotes", key));
    if (value) check_letters(*node, *value, key);
    return value;
  }

  // The same, of several lines.
  std::optional<std::string> long_text(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    auto value = node->value_exact<std::string>();
    if (!value) refuse(*node, fmt::format("'{}' is text in quotes", key));
    if (!value) return std::nullopt;
    std::string line = *value;
    std::ranges::replace(line, '\n', ' ');
    check_letters(*node, line, key);
    return value;
  }

  void time(const toml::table& table, std::string_view key, TimeLimits limits,
            std::chrono::milliseconds& into) {
    const auto value = text(table, key);
    if (!value) return;
    if (const auto why = read_time(*value, limits, into)) {
      refuse(*table.get(key), fmt::format("{}: {}", key, *why));
    }
  }

  void repetitions(const toml::table& table, unsigned& into) {
    const toml::node* node = table.get("repetitions");
    if (node == nullptr) return;
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < 1 || *value > static_cast<std::int64_t>(kRepetitionsMax)) {
      refuse(*node, fmt::format("'repetitions' is a number from 1 to {}", kRepetitionsMax));
    } else {
      into = static_cast<unsigned>(*value);
    }
  }

  // One text, or several.
  std::vector<std::string> texts(const toml::node& node, std::string_view key) {
    std::vector<std::string> values;
    const toml::array* array = node.as_array();
    if (array == nullptr) return {one_text(node, key)};
    if (array->empty()) refuse(node, fmt::format("'{}' has nothing in its list", key));
    for (const toml::node& element : *array) values.push_back(one_text(element, key));
    return values;
  }

 private:
  // Names and commands go to terminals, into reports and to the kernel.
  void check_letters(const toml::node& node, std::string_view text, std::string_view key) {
    const auto is_control = [](unsigned char letter) { return letter < ' ' || letter == 0x7f; };
    if (std::ranges::any_of(text, is_control)) {
      refuse(node, fmt::format("'{}' holds a control character", key));
    }
  }

  // Numbers and true or false are what they would be on a command line.
  std::string one_text(const toml::node& node, std::string_view key) {
    if (const auto text = node.value_exact<std::string>()) {
      check_letters(node, *text, key);
      return *text;
    }
    if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
    refuse(node, fmt::format("'{}' is text in quotes or a whole number", key));
    return "";
  }

  std::optional<Wrong>& wrong_;
};

class PlanReader {
 public:
  explicit PlanReader(const toml::table& table) : table_(table) {}

  std::optional<Wrong> read(Plan& plan) {
    reader_.allow_only(table_,
                       {"description", "repetitions", "duration", "warmup", "server", "workload"},
                       "a plan");
    plan.description = reader_.text(table_, "description").value_or("");
    reader_.repetitions(table_, defaults_.repetitions);
    reader_.time(table_, "duration", kDurations, defaults_.duration);
    reader_.time(table_, "warmup", kWarmUps, defaults_.warm_up);
    each("server", [&](const toml::table& table) { read_server(table, plan.servers); });
    each("workload", [&](const toml::table& table) { read_workloads(table, plan); });
    return wrong_;
  }

 private:
  void each(std::string_view key, const auto& read) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) {
      if (!wrong_) wrong_ = Wrong{{1, 1}, fmt::format("the plan has no [[{}]]", key)};
      return;
    }
    const toml::array* array = node->as_array();
    if (array == nullptr || array->empty() || !array->is_homogeneous<toml::table>()) {
      reader_.refuse(*node, fmt::format("write [[{}]], once for each", key));
      return;
    }
    for (const toml::node& element : *array) read(*element.as_table());
  }

  // Names become names of files and have to stay apart there.
  void check_name(const toml::node& node, const std::string& name, const auto& others) {
    if (file_word(name).empty()) reader_.refuse(node, "a name needs a letter or a digit");
    if (name.size() > kNameMost) {
      reader_.refuse(node, fmt::format("a name has at most {} letters", kNameMost));
    }
    for (const auto& other : others) {
      if (file_word(other.name) != file_word(name)) continue;
      reader_.refuse(node, other.name == name
                               ? fmt::format("'{}' would be there twice; names tell them "
                                             "apart, and {{size}} or {{connections}} in them the "
                                             "members of a list",
                                             name)
                               : fmt::format("'{}' is too much like '{}'; their files would be "
                                             "the same",
                                             name, other.name));
    }
  }

  void read_server(const toml::table& table, std::vector<ServerPlan>& servers) {
    reader_.allow_only(table, {"name", "command", "backend", "config"}, "[[server]]");
    const auto name = reader_.text(table, "name");
    const toml::node* command = table.get("command");
    if (!name || command == nullptr) {
      reader_.refuse(table, "a [[server]] needs a name and a command");
      return;
    }
    check_name(*table.get("name"), *name, servers);
    ServerPlan server{.name = *name,
                      .command = read_command(table, "command"),
                      .backend = read_command(table, "backend"),
                      .config = reader_.long_text(table, "config").value_or("")};
    check_ports(*command, server);
    servers.push_back(std::move(server));
  }

  // A list of words, or one line; nothing if it is not there.
  std::vector<std::string> read_command(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return {};
    if (node->is_array()) return reader_.texts(*node, key);
    const auto words = split_words(reader_.text(table, key).value_or("?"));
    if (!words) reader_.refuse(*node, words.error().what);
    return words.value_or(std::vector<std::string>{});
  }

  void check_ports(const toml::node& node, const ServerPlan& server) {
    const std::string command = join_words(server.command);
    const bool has_file = command.find("{config}") != std::string::npos;
    const std::string& where = has_file ? server.config : command;
    if (where.find("{port}") == std::string::npos) {
      reader_.refuse(node, "the command has no {port}, where the server is to listen");
    }
    if (has_file != !server.config.empty() || server.config.empty() != server.backend.empty()) {
      reader_.refuse(node,
                     "a command with {config} needs a config and a backend, and no other has "
                     "them");
    }
    if (!server.backend.empty() && join_words(server.backend).find("{port}") == std::string::npos) {
      reader_.refuse(node, "the backend has no {port}, where it is to listen");
    }
  }

  std::vector<std::string> read_servers_of(const toml::table& table, const Plan& plan) {
    const toml::node* node = table.get("servers");
    if (node == nullptr) return {};
    const std::vector<std::string> names = reader_.texts(*node, "servers");
    for (const std::string& name : names) {
      if (std::ranges::count(plan.servers, name, &ServerPlan::name) > 0) continue;
      reader_.refuse(*node, fmt::format("there is no [[server]] named '{}'", name));
    }
    return names;
  }

  void read_workloads(const toml::table& table, Plan& plan) {
    std::vector<std::string_view> keys{"name", "servers", "repetitions", "duration", "warmup"};
    const std::vector<std::string_view> options = load_keys();
    keys.insert(keys.end(), options.begin(), options.end());
    reader_.allow_only(table, keys, "[[workload]]");
    WorkloadPlan workload = defaults_;
    workload.servers = read_servers_of(table, plan);
    reader_.repetitions(table, workload.repetitions);
    reader_.time(table, "duration", kDurations, workload.duration);
    reader_.time(table, "warmup", kWarmUps, workload.warm_up);
    workload.name = reader_.text(table, "name").value_or("");
    std::vector<LoadChoice> choices;
    for (const std::string_view key : options) {
      const toml::node* node = table.get(key);
      if (node != nullptr) choices.push_back({std::string(key), reader_.texts(*node, key)});
    }
    if (wrong_) return;
    const auto made = workloads_of(workload, choices);
    if (const auto* wrong = std::get_if<WrongOption>(&made)) {
      const toml::node* node = table.get(wrong->key);
      reader_.refuse(node != nullptr ? *node : table, wrong->what);
      return;
    }
    for (const WorkloadPlan& one : std::get<std::vector<WorkloadPlan>>(made)) {
      check_name(table, one.name, plan.workloads);
      plan.workloads.push_back(one);
    }
  }

  const toml::table& table_;
  WorkloadPlan defaults_;
  std::optional<Wrong> wrong_;
  Reader reader_{wrong_};
};

std::unexpected<Failure> at(const std::string& source, toml::source_position place,
                            std::string_view what) {
  return fail(Errc::kInvalid, fmt::format("{}:{}:{}: {}", source, place.line, place.column, what));
}

}  // namespace

Result<Plan> parse_plan(std::string_view text, const std::string& source) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return at(source, parsed.error().source().begin, parsed.error().description());
  }
  Plan plan;
  const auto wrong = PlanReader(parsed.table()).read(plan);
  if (wrong) return at(source, wrong->at, wrong->what);
  return plan;
}

}  // namespace ouro::study
