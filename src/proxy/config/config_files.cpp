// Finds the files of a config.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "os/text_file.h"
#include "proxy/config/config_keys.h"
#include "proxy/config/config_node.h"
#include "proxy/config/config_reader.h"
#include "proxy/config/environment.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kFileBytesMost = std::size_t{8} << 20;
constexpr std::size_t kDepthMost = 8;  // includes within includes

bool is_pattern(std::string_view name) { return name.find_first_of("*?[") != name.npos; }

// What the file includes, with the place of each; nothing if that cannot be read.
std::vector<std::pair<std::string, Place>> includes_of(const ConfigFile& file,
                                                       const Environment& environment) {
  std::vector<std::pair<std::string, Place>> includes;
  const auto root = parse_toml(file);
  const Node* node = root ? root->find("include") : nullptr;
  if (node == nullptr) return includes;
  const auto add = [&](const Node& element) {
    const auto* text = element.as<std::string>();
    const auto name = expand(text != nullptr ? *text : "", environment);
    if (!name || name->empty() || name->find('\0') != name->npos) return;
    includes.emplace_back(*name, Place{file.name, element.line, element.column});
  };
  if (const auto* elements = node->as<Elements>()) {
    std::ranges::for_each(*elements, add);
  } else {
    add(*node);
  }
  return includes;
}

class Loader {
 public:
  explicit Loader(const Environment& environment) : environment_(environment) {}

  void load(const std::string& path, const Place& from) {
    if (full_) return;
    auto read = os::read_text_file(path, kFileBytesMost);
    if (!read) {
      refuse(from, read.error().what);
      return;
    }
    const std::pair identity{read->device, read->inode};
    if (!is_welcome(path, from, identity)) return;
    seen_.emplace(identity, path);
    loaded_.files.push_back({path, std::move(read->text)});
    const auto includes = includes_of(loaded_.files.back(), environment_);
    open_.push_back(path);
    for (const auto& [name, place] : includes) include(name, place);
    open_.pop_back();
  }

  ConfigFiles take() { return std::move(loaded_); }

 private:
  using Identity = std::pair<std::uint64_t, std::uint64_t>;

  void refuse(const Place& place, std::string what) {
    loaded_.errors.push_back({place, std::move(what)});
  }

  bool is_welcome(const std::string& path, const Place& from, const Identity& identity) {
    const auto most = static_cast<std::size_t>(config_key(Section::kFile, "include").most);
    if (const auto seen = seen_.find(identity); seen != seen_.end()) {
      const bool open = std::ranges::find(open_, seen->second) != open_.end();
      refuse(from, open ? fmt::format("{} would include itself, by way of {}", seen->second,
                                      fmt::join(open_, ", "))
                        : fmt::format("{} is included already", path));
      return false;
    }
    if (open_.size() > kDepthMost) {
      refuse(from, fmt::format("files include each other more than {} deep", kDepthMost));
      return false;
    }
    full_ = loaded_.files.size() > most;
    if (full_) refuse(from, fmt::format("more than {} files are included", most));
    return !full_;
  }

  // Names are relative to the file that says them.
  void include(const std::string& name, const Place& place) {
    const std::filesystem::path folder = std::filesystem::path(place.file).parent_path();
    if (!is_pattern(name)) {
      load((folder / name).string(), place);
      return;
    }
    const auto pattern = std::filesystem::path(os::as_pattern(folder.string())) / name;
    const auto found = os::files_like(pattern.string());
    if (!found) refuse(place, found.error().what);
    if (!found) return;
    for (const std::string& path : *found) load(path, place);
  }

  const Environment& environment_;
  ConfigFiles loaded_;
  std::vector<std::string> open_;  // from the main file to the one that is read now
  std::map<Identity, std::string> seen_;
  bool full_ = false;
};

}  // namespace

ConfigFiles load_config_files(const std::string& path, const Environment& environment) {
  Loader loader(environment);
  loader.load(path, Place{});
  return loader.take();
}

}  // namespace ouro::proxy
