// Reads the members of one TOML table by the table of keys (config_keys.h). What is wrong is said,
// and leaves the value as it was.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "proxy/config/config_errors.h"
#include "proxy/config/config_keys.h"
#include "proxy/config/config_node.h"
#include "proxy/config/network.h"

namespace ouro::proxy {

// One text of a list, and where it stands.
struct PlacedText {
  std::string text;
  const Node* node;
};

class TableReader {
 public:
  // Refuses keys that the section does not have. The node is a table, and outlives the reader.
  TableReader(const Node& table, Section section, ConfigErrors& errors);

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // Null if there is no such key.
  [[nodiscard]] const Node* find(std::string_view name) const { return table_.find(name); }

  // At the value of the key, or, if there is none, at the table.
  void refuse(std::string_view name, std::string_view what);
  // One that has to be there; `such_as` is how it may look.
  void require(std::string_view name, std::string_view such_as);

  void text(std::string_view name, std::string& into);
  void flag(std::string_view name, bool& into);
  void time(std::string_view name, std::chrono::milliseconds& into);
  void time(std::string_view name, std::optional<std::chrono::milliseconds>& into);
  void networks(std::string_view name, std::vector<Network>& into);
  void numbers(std::string_view name, std::vector<unsigned>& into);
  [[nodiscard]] std::vector<PlacedText> texts(std::string_view name);
  // Whether the key's value is this text.
  [[nodiscard]] bool says(std::string_view name, std::string_view text) const;

  // Whole numbers and sizes.
  template <std::integral T>
  void number(std::string_view name, T& into) {
    if (const auto value = whole(name)) into = static_cast<T>(*value);
  }

  // The words of the key are in the order of the enum.
  template <typename Enum>
    requires std::is_enum_v<Enum>
  void choice(std::string_view name, Enum& into) {
    if (const auto value = word(name)) into = static_cast<Enum>(*value);
  }

 private:
  [[nodiscard]] const Key& key(std::string_view name) const { return config_key(section_, name); }
  // Null if there is nothing to be read, or nothing right.
  [[nodiscard]] const Node* readable(std::string_view name) const;
  void refuse_shape(const Node& node, const Key& key, std::string_view more = "");
  [[nodiscard]] std::optional<std::string> text_of(const Node& node, const Key& key);
  [[nodiscard]] std::optional<std::int64_t> whole(std::string_view name);
  [[nodiscard]] std::optional<std::size_t> word(std::string_view name);

  const Node& table_;
  Section section_;
  ConfigErrors& errors_;
};

// "; did you mean 'web'?", or nothing.
[[nodiscard]] std::string guess(std::string_view word, const std::vector<std::string>& words);

}  // namespace ouro::proxy
