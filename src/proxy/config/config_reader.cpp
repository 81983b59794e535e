#include "proxy/config/config_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/config_draft.h"
#include "proxy/config/environment.h"
#include "proxy/config/table_reader.h"

namespace ouro::proxy {
namespace {

using ReadTable = void (*)(const Node& table, Draft& draft);

struct SectionReader {
  Section section;
  std::string_view name;
  ReadTable read;
};

constexpr SectionReader kOnce[] = {
    {Section::kWorkers, "workers", read_workers},
    {Section::kAdmin, "admin", read_admin},
    {Section::kLog, "log", read_log},
    {Section::kLimits, "limits", read_limits},
    {Section::kTimeouts, "timeouts", read_timeouts},
    {Section::kNames, "names", read_names},
};

constexpr SectionReader kRepeated[] = {
    {Section::kListen, "listen", read_listen},
    {Section::kRoute, "route", read_route},
    {Section::kUpstream, "upstream", read_upstream},
};

// Reads all files into one draft.
class ConfigReader {
 public:
  explicit ConfigReader(const Environment& environment) : environment_(environment) {}

  ReadConfig read(const ConfigFiles& loaded) {
    for (const ConfigError& error : loaded.errors) draft_.errors.add(error.place, error.what);
    complete_ = loaded.errors.empty();
    for (const ConfigFile& file : loaded.files) read_file(file);
    if (complete_) check(loaded.files);
    return {std::move(draft_.config), draft_.errors.sorted(loaded.files)};
  }

 private:
  void read_file(const ConfigFile& file) {
    draft_.errors.enter(file.name);
    auto root = parse_toml(file);
    if (!root) {
      draft_.errors.add(root.error().place, root.error().what);
      complete_ = false;
      return;
    }
    if (!expand_all(*root, environment_, draft_.errors)) draft_.routing_is_whole = false;
    const std::size_t before = draft_.errors.count();
    TableReader reader(*root, Section::kFile, draft_.errors);
    static_cast<void>(reader.texts("include"));  // it has been followed
    for (const SectionReader& section : kOnce) check_shape_of_one(*root, section);
    for (const SectionReader& section : kRepeated) check_shape_of_many(*root, section);
    if (draft_.errors.count() != before) complete_ = false;
    for (const SectionReader& section : kOnce) read_one(*root, section);
    for (const SectionReader& section : kRepeated) read_many(*root, section);
  }

  void check_shape_of_one(const Node& root, const SectionReader& section) {
    const Node* node = root.find(section.name);
    if (node == nullptr || node->refused || node->as<Members>() != nullptr) return;
    draft_.errors.add(*node, fmt::format("write [{}], and its keys below", section.name));
  }

  void check_shape_of_many(const Node& root, const SectionReader& section) {
    const Node* node = root.find(section.name);
    if (node == nullptr || node->refused || is_tables(*node)) return;
    draft_.errors.add(*node, fmt::format("write [[{}]], once for each", section.name));
  }

  static bool is_tables(const Node& node) {
    const auto* elements = node.as<Elements>();
    return elements != nullptr && std::ranges::all_of(*elements, [](const Node& element) {
             return element.as<Members>() != nullptr;
           });
  }

  // Several files may have the section, but not the same key in it.
  void read_one(const Node& root, const SectionReader& section) {
    const Node* node = root.find(section.name);
    const auto* members = node != nullptr ? node->as<Members>() : nullptr;
    if (members == nullptr) return;
    for (const Member& member : *members) {
      const Place place = draft_.errors.place_of(member);
      const auto before =
          seen_before(draft_.keys, fmt::format("{}.{}", section.name, member.key), place);
      if (!before) continue;
      draft_.errors.add(place, fmt::format("'{}' of {} is at {} already", member.key,
                                           title(section.section), to_string(*before)));
    }
    section.read(*node, draft_);
  }

  void read_many(const Node& root, const SectionReader& section) {
    const Node* node = root.find(section.name);
    if (node == nullptr || !is_tables(*node)) return;
    const auto most = static_cast<std::size_t>(config_key(Section::kFile, section.name).most);
    std::size_t& count = counts_[section.section];
    const std::size_t errors_before = draft_.errors.count();
    for (const Node& element : *node->as<Elements>()) {
      if (++count == most + 1) {
        draft_.errors.add(element,
                          fmt::format("there are more than {} [[{}]]", most, section.name));
      }
      if (count <= most) section.read(element, draft_);
    }
    const bool routes = section.section != Section::kUpstream;
    if (routes && draft_.errors.count() != errors_before) draft_.routing_is_whole = false;
  }

  void check(const std::vector<ConfigFile>& files) {
    if (draft_.config.listeners.empty()) {
      draft_.errors.add(Place{files.front().name, 1, 1},
                        "a config needs a [[listen]], with the address that clients connect to");
    }
    check_together(draft_);
  }

  const Environment& environment_;
  Draft draft_;
  bool complete_ = true;  // what is not there was not left out for being wrong
  std::map<Section, std::size_t> counts_;
};

}  // namespace

std::optional<Place> seen_before(std::map<std::string, Place>& seen, const std::string& what,
                                 const Place& place) {
  const auto [found, is_new] = seen.emplace(what, place);
  if (is_new) return std::nullopt;
  return found->second;
}

ReadConfig read_config(const ConfigFiles& loaded, const Environment& environment) {
  return ConfigReader(environment).read(loaded);
}

}  // namespace ouro::proxy
