#include "study/words.h"

namespace ouro::study {
namespace {

bool is_space(char letter) { return letter == ' ' || letter == '\t' || letter == '\n'; }

std::string in_quotes(std::string_view word) {
  std::string text = "\"";
  for (const char letter : word) {
    if (letter == '"' || letter == '\\') text += '\\';
    text += letter;
  }
  return text + '"';
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  char quote = 0;  // the one that is open
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (quote == 0 && is_space(letter)) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (letter == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else if (quote == 0 && (letter == '\'' || letter == '"')) {
      quote = letter;
    } else if (letter == quote) {
      quote = 0;
    } else {
      words.back() += letter;
    }
  }
  if (quote != 0) return fail(Errc::kInvalid, "a quote in the command is never closed");
  if (words.empty()) return fail(Errc::kInvalid, "the command is empty");
  return words;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\") == word.npos;
    text += (text.empty() ? "" : " ") + (plain ? word : in_quotes(word));
  }
  return text;
}

std::string filled_in(std::string text, std::string_view name, std::string_view value) {
  const std::string mark = "{" + std::string(name) + "}";
  for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at)) {
    text.replace(at, mark.size(), value);
    at += value.size();
  }
  return text;
}

std::string file_word(std::string_view name) {
  std::string word;
  for (const char letter : name) {
    const bool large = letter >= 'A' && letter <= 'Z';
    const bool kept = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    if (large || kept) {
      word += large ? static_cast<char>(letter - 'A' + 'a') : letter;
    } else if (!word.empty() && word.back() != '-') {
      word += '-';
    }
  }
  while (word.ends_with('-')) word.pop_back();
  return word;
}

}  // namespace ouro::study
