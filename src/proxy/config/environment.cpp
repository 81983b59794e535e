#include "proxy/config/environment.h"

#include <algorithm>
#include <optional>

namespace ouro::proxy {
namespace {

constexpr std::size_t kExpandedMost = std::size_t{64} << 10;

bool is_name(std::string_view name) {
  const auto is_letter = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '_';
  };
  const bool begins_well = !name.empty() && (name.front() < '0' || name.front() > '9');
  return begins_well && std::ranges::all_of(name, is_letter);
}

// What stands between "${" and "}".
std::expected<std::string, std::string> value_of(std::string_view inside,
                                                 const Environment& environment) {
  const std::size_t dash = inside.find(":-");
  const std::string name(inside.substr(0, dash));
  if (!is_name(name)) {
    return std::unexpected("'${" + std::string(inside) +
                           "}' is not the name of a variable; $${ stands for ${ itself");
  }
  std::optional<std::string> value = environment(name);
  const bool missing = !value || (value->empty() && dash != inside.npos);
  if (!missing) return *value;
  if (dash != inside.npos) return std::string(inside.substr(dash + 2));
  return std::unexpected("the environment has no " + name + "; set it, or write ${" + name +
                         ":-...} with what it is otherwise");
}

}  // namespace

std::expected<std::string, std::string> expand(std::string_view text,
                                               const Environment& environment) {
  std::string expanded;
  while (true) {
    const std::size_t begin = text.find("${");
    expanded += text.substr(0, begin);
    if (begin == text.npos) return expanded;
    const bool doubled = begin > 0 && text[begin - 1] == '$';
    text.remove_prefix(begin + 2);
    if (doubled) {
      expanded += '{';
      continue;
    }
    const std::size_t end = text.find('}');
    if (end == text.npos) return std::unexpected("a ${ without }; $${ stands for ${ itself");
    const auto value = value_of(text.substr(0, end), environment);
    if (!value) return value;
    expanded += *value;
    if (expanded.size() > kExpandedMost) {
      return std::unexpected("more than 64 KiB with its variables");
    }
    text.remove_prefix(end + 1);
  }
}

bool expand_all(Node& node, const Environment& environment, ConfigErrors& errors) {
  const std::size_t before = errors.count();
  if (auto* text = std::get_if<std::string>(&node.value)) {
    if (text->find("${") == text->npos) return true;
    const auto expanded = expand(*text, environment);
    if (expanded) *text = *expanded;
    node.from_environment = expanded.has_value();
    node.refused = !expanded;
    if (!expanded) errors.add(node, expanded.error());
  } else if (auto* elements = std::get_if<Elements>(&node.value)) {
    for (Node& element : *elements) expand_all(element, environment, errors);
  } else if (auto* members = std::get_if<Members>(&node.value)) {
    for (Member& member : *members) expand_all(member.value, environment, errors);
  }
  return errors.count() == before;
}

}  // namespace ouro::proxy
