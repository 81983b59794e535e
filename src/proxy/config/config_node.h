// A TOML document as values of our own, so that one file alone has to compile toml++.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/config/config_reader.h"

namespace ouro::proxy {

struct Member;
struct Node;
using Elements = std::vector<Node>;
using Members = std::vector<Member>;

struct Node {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  // What is from the environment can only be text, and may stand for a number.
  bool from_environment = false;
  bool refused = false;  // what is wrong with it has been said
  // std::monostate: a date, or a number with a point, which no key takes.
  std::variant<std::monostate, std::string, std::int64_t, bool, Elements, Members> value;

  template <typename T>
  [[nodiscard]] const T* as() const noexcept {
    return std::get_if<T>(&value);
  }
  // Of a table; null if it has no such key.
  [[nodiscard]] const Node* find(std::string_view key) const noexcept;
  // What it is, for errors: "the text 'x'", "12", "a list".
  [[nodiscard]] std::string to_string() const;
};

struct Member {
  std::string key;
  std::uint32_t line = 0;  // of the key
  std::uint32_t column = 0;
  Node value;
};

// The table of the whole file, or the first thing that is no TOML.
[[nodiscard]] std::expected<Node, ConfigError> parse_toml(const ConfigFile& file);

}  // namespace ouro::proxy
