#include "load/text_report.h"

#include <fmt/format.h>

#include <cstddef>

#include "load/summary.h"

namespace ouro::load {
namespace {

constexpr std::size_t kNameWidth = 18;
constexpr std::size_t kFigureWidth = 10;

void append_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + "\n";
}

void append_figures(std::string& text, const std::string& name,
                    const std::vector<std::string>& figures) {
  std::string line = fmt::format("{:<{}}", name, kNameWidth);
  for (const std::string& figure : figures) line += fmt::format("{:>{}}", figure, kFigureWidth);
  append_line(text, line);
}

void append_words(std::string& text, const std::string& name,
                  const std::vector<std::string>& words) {
  std::string line = fmt::format("{:<{}}", name, kNameWidth);
  for (const std::string& word : words) line += " " + word;
  append_line(text, line);
}

void append_section(std::string& text, const SummarySection& section) {
  if (!section.columns.empty()) {
    append_figures(text, section.name, section.columns);
  } else if (!section.name.empty()) {
    append_line(text, section.name);
  }
  const std::string indent = section.name.empty() ? "" : "  ";
  for (const SummaryRow& row : section.rows) {
    const bool figures = !section.columns.empty();
    (figures ? append_figures : append_words)(text, indent + row.name, row.cells);
  }
  if (!section.note.empty()) append_line(text, indent + section.note);
}

}  // namespace

std::string text_report(const Results& results) {
  std::string text;
  for (const SummarySection& section : summarize(results)) {
    if (!text.empty()) text += "\n";
    append_section(text, section);
  }
  const std::vector<std::string> sentences = remarks(results);
  if (!sentences.empty()) text += "\n";
  for (const std::string& sentence : sentences) append_line(text, "! " + sentence);
  return text;
}

}  // namespace ouro::load
