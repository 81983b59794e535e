// What is wrong with a config, collected while it is read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config_node.h"
#include "proxy/config/config_reader.h"

namespace ouro::proxy {

class ConfigErrors {
 public:
  // More are of no use to anybody; those beyond are not kept.
  static constexpr std::size_t kMost = 1000;
  static constexpr std::size_t kWordsMost = 1000;  // letters of one

  // The file that nodes are from, until the next one.
  void enter(const std::string& file) { file_ = file; }
  [[nodiscard]] Place place_of(const Node& node) const { return {file_, node.line, node.column}; }
  [[nodiscard]] Place place_of(const Member& key) const { return {file_, key.line, key.column}; }

  // What would be too long for a line is cut off.
  void add(const Place& place, std::string_view what);
  void add(const Node& node, std::string_view what) { add(place_of(node), what); }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool full() const noexcept { return count_ >= kMost; }
  // By their places, in the order of the files.
  [[nodiscard]] std::vector<ConfigError> sorted(const std::vector<ConfigFile>& files) const;

 private:
  std::string file_;
  std::size_t count_ = 0;
  std::vector<ConfigError> errors_;
};

// "main.toml:3:1".
[[nodiscard]] std::string to_string(const Place& place);

}  // namespace ouro::proxy
