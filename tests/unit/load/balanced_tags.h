// Whether markup is well formed, as far as a small check can tell.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace ouro::load {

// What is wrong with text between tags or in an attribute, where signs have to be escaped.
inline std::string text_trouble(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    const bool known = std::ranges::any_of(
        std::vector<std::string_view>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"},
        [rest](std::string_view name) { return rest.starts_with(name); });
    if (rest[0] == '<' || rest[0] == '>' || (rest[0] == '&' && !known)) {
      return "stray sign in: " + std::string{text};
    }
  }
  return "";
}

// Where the tag that begins `markup` ends: at the first > outside quotes. What stands in quotes is
// checked on the way.
inline std::size_t tag_end(std::string_view markup, std::string& trouble) {
  std::size_t at = 1;
  while (at < markup.size() && markup[at] != '>') {
    if (markup[at] == '"') {
      const std::size_t quote = std::min(markup.find('"', at + 1), markup.size());
      if (trouble.empty()) trouble = text_trouble(markup.substr(at + 1, quote - at - 1));
      at = quote;
    }
    ++at;
  }
  return std::min(at, markup.size());
}

// Empty when each tag is closed in its turn and no text holds a stray sign; else what is wrong.
inline std::string tag_trouble(std::string_view markup) {
  std::vector<std::string_view> open;
  std::string trouble;
  while (trouble.empty()) {
    const std::size_t begin = std::min(markup.find('<'), markup.size());
    trouble = text_trouble(markup.substr(0, begin));
    markup.remove_prefix(begin);
    if (markup.empty()) break;
    const std::size_t end = tag_end(markup, trouble);
    const std::string_view tag = markup.substr(1, end - 1);
    markup.remove_prefix(std::min(end + 1, markup.size()));
    if (tag.ends_with('/')) continue;
    if (!tag.starts_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    } else if (open.empty() || open.back() != tag.substr(1)) {
      return "<" + std::string{tag} + "> closes nothing";
    } else {
      open.pop_back();
    }
  }
  if (!trouble.empty() || open.empty()) return trouble;
  return "<" + std::string{open.back()} + "> is never closed";
}

}  // namespace ouro::load
