#include "proxy/config/table_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>

#include "base/letters.h"
#include "base/nearest.h"
#include "base/units.h"

namespace ouro::proxy {
namespace {

constexpr std::int64_t kTextOfListMost = 300;  // letters

constexpr std::size_t kGuessedMost = 100;  // longer words are no slips, and take long

std::optional<std::int64_t> signed_number(std::uint64_t number) {
  if (number > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<std::int64_t> size_of(const Node& node) {
  const auto* text = node.as<std::string>();
  const auto size = parse_size(text != nullptr ? *text : "");
  return size ? signed_number(*size) : std::nullopt;
}

std::optional<std::int64_t> number_of(const Node& node) {
  if (const auto* number = node.as<std::int64_t>()) return *number;
  const auto* text = node.as<std::string>();
  if (text == nullptr || !node.from_environment) return std::nullopt;
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::optional<bool> flag_of(const Node& node) {
  if (const auto* flag = node.as<bool>()) return *flag;
  const auto* text = node.as<std::string>();
  if (text == nullptr || !node.from_environment) return std::nullopt;
  if (*text == "true") return true;
  return *text == "false" ? std::optional(false) : std::nullopt;
}

bool is_within(std::int64_t number, const Key& key) {
  return number >= key.least && number <= key.most;
}

}  // namespace

std::string guess(std::string_view word, const std::vector<std::string>& words) {
  if (word.size() > kGuessedMost) return "";
  const std::string found = nearest(word, words);
  return found.empty() ? "" : "; did you mean '" + found + "'?";
}

TableReader::TableReader(const Node& table, Section section, ConfigErrors& errors)
    : table_(table), section_(section), errors_(errors) {
  const std::vector<std::string> names = names_of_keys(section);
  for (const Member& member : *table.as<Members>()) {
    if (std::ranges::count(names, member.key) > 0) continue;
    if (errors.full()) return;  // a guess takes time
    std::string more = guess(member.key, names);
    if (more.empty()) more = fmt::format("; there are {}", fmt::join(names, ", "));
    errors.add(errors.place_of(member),
               fmt::format("there is no key '{}' in {}{}", member.key, title(section), more));
  }
}

void TableReader::refuse(std::string_view name, std::string_view what) {
  const Node* node = find(name);
  errors_.add(node != nullptr ? *node : table_, what);
}

void TableReader::require(std::string_view name, std::string_view such_as) {
  if (has(name)) return;
  errors_.add(table_,
              fmt::format("{} needs '{}', such as {} = {}", title(section_), name, name, such_as));
}

const Node* TableReader::readable(std::string_view name) const {
  const Node* node = find(name);
  return node == nullptr || node->refused ? nullptr : node;
}

void TableReader::refuse_shape(const Node& node, const Key& key, std::string_view more) {
  errors_.add(node,
              fmt::format("'{}' is {}, not {}{}", key.name, shape_of(key), node.to_string(), more));
}

std::optional<std::string> TableReader::text_of(const Node& node, const Key& key) {
  const auto* text = node.as<std::string>();
  const bool listed = key.type == KeyType::kTexts;
  const std::int64_t least = listed ? 1 : key.least;
  const std::int64_t most = listed ? kTextOfListMost : key.most;
  if (text == nullptr) {
    refuse_shape(node, key);
  } else if (std::ssize(*text) < least || std::ssize(*text) > most) {
    errors_.add(node, fmt::format("'{}' has {} to {} letters, not {}", key.name, least, most,
                                  text->size()));
  } else if (key.type != KeyType::kBytes && std::ranges::any_of(*text, is_control)) {
    errors_.add(node, fmt::format("'{}' holds a control character", key.name));
  } else {
    return *text;
  }
  return std::nullopt;
}

void TableReader::text(std::string_view name, std::string& into) {
  const Node* node = readable(name);
  if (node == nullptr) return;
  if (const auto text = text_of(*node, key(name))) into = *text;
}

std::vector<PlacedText> TableReader::texts(std::string_view name) {
  std::vector<PlacedText> texts;
  const Node* node = readable(name);
  if (node == nullptr) return texts;
  const Key& wanted = key(name);
  const auto add = [&](const Node& one) {
    if (one.refused) return;
    if (auto text = text_of(one, wanted)) texts.push_back({std::move(*text), &one});
  };
  const auto* elements = node->as<Elements>();
  if (elements == nullptr) {
    add(*node);
  } else if (!is_within(std::ssize(*elements), wanted)) {
    errors_.add(*node, fmt::format("'{}' has {} to {} elements, not {}", name, wanted.least,
                                   wanted.most, elements->size()));
  } else {
    std::ranges::for_each(*elements, add);
  }
  return texts;
}

bool TableReader::says(std::string_view name, std::string_view text) const {
  const Node* node = readable(name);
  const auto* said = node != nullptr ? node->as<std::string>() : nullptr;
  return said != nullptr && *said == text;
}

void TableReader::flag(std::string_view name, bool& into) {
  const Node* node = readable(name);
  if (node == nullptr) return;
  const auto flag = flag_of(*node);
  if (flag) into = *flag;
  if (!flag) refuse_shape(*node, key(name));
}

void TableReader::time(std::string_view name, std::chrono::milliseconds& into) {
  const Node* node = readable(name);
  if (node == nullptr) return;
  const Key& wanted = key(name);
  const auto* text = node->as<std::string>();
  const auto time = parse_duration(text != nullptr ? *text : "");
  if (time && is_within(time->count(), wanted)) {
    into = *time;
  } else {
    refuse_shape(*node, wanted);
  }
}

void TableReader::time(std::string_view name, std::optional<std::chrono::milliseconds>& into) {
  if (!has(name)) return;
  std::chrono::milliseconds time{0};
  this->time(name, time);
  into = time;
}

void TableReader::networks(std::string_view name, std::vector<Network>& into) {
  for (const PlacedText& placed : texts(name)) {
    const auto network = Network::parse(placed.text);
    if (network) into.push_back(*network);
    if (!network) errors_.add(*placed.node, fmt::format("{}: {}", name, network.error().what));
  }
}

void TableReader::numbers(std::string_view name, std::vector<unsigned>& into) {
  const Node* node = readable(name);
  if (node == nullptr) return;
  const auto* elements = node->as<Elements>();
  const Key& wanted = key(name);
  const std::span<const Node> all = elements != nullptr ? std::span(*elements) : std::span(node, 1);
  if (all.empty() || all.size() > kNumbersMost) {
    refuse_shape(*node, wanted);
    return;
  }
  for (const Node& element : all) {
    const auto number = number_of(element);
    if (number && is_within(*number, wanted)) {
      into.push_back(static_cast<unsigned>(*number));
    } else if (!element.refused) {
      refuse_shape(element, wanted);
    }
  }
}

std::optional<std::int64_t> TableReader::whole(std::string_view name) {
  const Node* node = readable(name);
  if (node == nullptr) return std::nullopt;
  const Key& wanted = key(name);
  const auto number = wanted.type == KeyType::kSize ? size_of(*node) : number_of(*node);
  if (number && is_within(*number, wanted)) return number;
  refuse_shape(*node, wanted);
  return std::nullopt;
}

std::optional<std::size_t> TableReader::word(std::string_view name) {
  const Node* node = readable(name);
  if (node == nullptr) return std::nullopt;
  const Key& wanted = key(name);
  const std::vector<std::string> words = words_of(wanted);
  const auto* text = node->as<std::string>();
  const auto found = text != nullptr ? std::ranges::find(words, *text) : words.end();
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  const bool can_guess = text != nullptr && words.size() > 1;
  refuse_shape(*node, wanted, can_guess ? guess(*text, words) : "");
  return std::nullopt;
}

}  // namespace ouro::proxy
