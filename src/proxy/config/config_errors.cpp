#include "proxy/config/config_errors.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace ouro::proxy {

std::string to_string(const Place& place) {
  if (place.line == 0) return place.file;
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string ConfigError::to_string() const {
  return place.file.empty() ? what : proxy::to_string(place) + ": " + what;
}

void ConfigErrors::add(const Place& place, std::string_view what) {
  ++count_;
  if (errors_.size() == kMost) return;
  std::string shown(what.substr(0, kWordsMost));
  // What a file holds would otherwise go to the terminal as it is.
  std::ranges::replace_if(
      shown, [](unsigned char letter) { return letter < ' ' || letter == 0x7f; }, '?');
  errors_.push_back({place, std::move(shown)});
}

std::vector<ConfigError> ConfigErrors::sorted(const std::vector<ConfigFile>& files) const {
  std::map<std::string_view, std::size_t> order;
  for (const ConfigFile& file : files) order.emplace(file.name, order.size() + 1);
  const auto key = [&order](const ConfigError& error) {
    const auto file = order.find(error.place.file);
    return std::tuple(file == order.end() ? 0 : file->second, error.place.line, error.place.column,
                      std::string_view(error.what));
  };
  std::vector<ConfigError> errors = errors_;
  std::ranges::sort(errors, {}, key);
  return errors;
}

}  // namespace ouro::proxy
