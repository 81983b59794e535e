#include "proxy/config/config_node.h"

#include <algorithm>

#include "base/toml.h"

namespace ouro::proxy {
namespace {

// A key of very many parts is a table in a table in a table, and toml++ frees them recursively.
constexpr unsigned kKeyDotsMost = 100;

constexpr std::size_t kShownMost = 60;  // letters of a text, in an error

// Counts the dots where keys can be. What it takes for a key may be a line of a long text instead;
// so many dots in a row are not to be expected there either.
class DotCounter {
 public:
  // Whether the letter is one dot too many.
  bool count(char letter) {
    if (letter == '\n') {
      quote_ = 0;
      comment_ = false;
    } else if (quote_ != 0) {
      if (letter == quote_) quote_ = 0;
      return false;
    } else if (letter == '"' || letter == '\'') {
      quote_ = letter;
      return false;
    } else if (letter == '#') {
      comment_ = true;
    }
    if (std::string_view("=,{}[]#\n").find(letter) != std::string_view::npos) dots_ = 0;
    return letter == '.' && !comment_ && ++dots_ > kKeyDotsMost;
  }

 private:
  char quote_ = 0;
  bool comment_ = false;
  unsigned dots_ = 0;
};

// The line of a key that has too many parts; 0 if there is none.
std::uint32_t line_of_deep_key(std::string_view text) {
  DotCounter counter;
  std::uint32_t line = 1;
  for (const char letter : text) {
    if (counter.count(letter)) return line;
    if (letter == '\n') ++line;
  }
  return 0;
}

Node convert(const toml::node& from);

Members members_of(const toml::table& table) {
  Members members;
  members.reserve(table.size());
  for (const auto& [key, value] : table) {
    const toml::source_position at = key.source().begin;
    members.push_back({std::string(key.str()), at.line, at.column, convert(value)});
  }
  return members;
}

Elements elements_of(const toml::array& array) {
  Elements elements;
  elements.reserve(array.size());
  for (const toml::node& element : array) elements.push_back(convert(element));
  return elements;
}

Node convert(const toml::node& from) {
  Node node;
  node.line = from.source().begin.line;
  node.column = from.source().begin.column;
  if (const auto text = from.value_exact<std::string>()) {
    node.value = *text;
  } else if (const auto number = from.value_exact<std::int64_t>()) {
    node.value = *number;
  } else if (const auto flag = from.value_exact<bool>()) {
    node.value = *flag;
  } else if (const toml::array* array = from.as_array()) {
    node.value = elements_of(*array);
  } else if (const toml::table* table = from.as_table()) {
    node.value = members_of(*table);
  }
  return node;
}

std::unexpected<ConfigError> wrong(const ConfigFile& file, std::uint32_t line, std::uint32_t column,
                                   std::string what) {
  return std::unexpected(ConfigError{{file.name, line, column}, std::move(what)});
}

}  // namespace

const Node* Node::find(std::string_view key) const noexcept {
  const auto* members = as<Members>();
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find(*members, key, &Member::key);
  return found == members->end() ? nullptr : &found->value;
}

std::string Node::to_string() const {
  if (const auto* text = as<std::string>()) {
    return "the text '" + text->substr(0, kShownMost) + (text->size() > kShownMost ? "...'" : "'");
  }
  if (const auto* number = as<std::int64_t>()) return std::to_string(*number);
  if (const auto* flag = as<bool>()) return *flag ? "true" : "false";
  if (as<Elements>() != nullptr) return "a list";
  if (as<Members>() != nullptr) return "a table";
  return "a date or a number with a point";
}

std::expected<Node, ConfigError> parse_toml(const ConfigFile& file) {
  if (const std::uint32_t line = line_of_deep_key(file.text)) {
    return wrong(file, line, 1, "a key of more than a hundred parts");
  }
  const toml::parse_result parsed = toml::parse(std::string_view(file.text));
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return wrong(file, error.source().begin.line, error.source().begin.column,
                 std::string(error.description()));
  }
  return convert(parsed.table());
}

}  // namespace ouro::proxy
