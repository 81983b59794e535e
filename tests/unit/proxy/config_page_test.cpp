// docs/config.md says what the code does: its tables are those of the code, the defaults in them
// are what a config has that does not say otherwise, and its examples are one good config.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <sstream>

#include "proxy/config/config_keys.h"
#include "unit/proxy/config_support.h"

namespace ouro::proxy {
namespace {

using testing::ElementsAreArray;

std::vector<std::string> page() {
  const std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind("tests/unit/")) + "docs/config.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  EXPECT_FALSE(lines.empty());
  return lines;
}

std::string type_of(const Key& key) {
  constexpr const char* kWords[] = {"text",       "text",         "texts", "number",
                                    "numbers",    "auto, number", "size",  "time",
                                    "true/false", "choice",       "table", "tables"};
  return kWords[static_cast<std::size_t>(key.type)];
}

// As TOML would have it, and not in words.
bool is_literal(std::string_view text) {
  return text.starts_with('"') || text.starts_with('[') || text == "true" || text == "false" ||
         std::isdigit(static_cast<unsigned char>(text[0])) != 0;
}

bool has_literal(const Key& key) {
  return is_literal(key.by_default) && key.by_default.find(" to ") == std::string_view::npos;
}

std::string row_of(const Key& key) {
  const std::string by_default(key.by_default);
  const std::string range = range_of(key);
  return "| `" + std::string(key.name) + "` | " + type_of(key) + " | " +
         (has_literal(key) ? "`" + by_default + "`" : by_default) + " | " +
         (range.empty() ? "-" : range) + " | " + (key.reloads ? "yes" : "restart") + " | " +
         std::string(key.meaning) + " |";
}

TEST(ConfigPage, has_the_keys_of_the_code) {
  std::vector<std::string> expected;
  const Key* before = nullptr;
  for (const Key& key : config_keys()) {
    if (before == nullptr || before->section != key.section) {
      expected.push_back("## " + std::string(title(key.section)));
    }
    expected.push_back(row_of(key));
    before = &key;
  }
  std::vector<std::string> found;
  for (const std::string& line : page()) {
    if (line.starts_with("## ") || line.starts_with("| `")) found.push_back(line);
  }
  EXPECT_THAT(found, ElementsAreArray(expected));
}

TEST(ConfigPage, has_examples_that_are_one_good_config) {
  std::string example;
  bool inside = false;
  for (const std::string& line : page()) {
    if (line.starts_with("```")) {
      inside = line == "```toml";
    } else if (inside) {
      example += line + "\n";
    }
  }
  const ReadConfig read = read_text(example, environment_of({{"DB_HOST", "10.0.0.9"}}));
  EXPECT_TRUE(read.errors.empty()) << testing::PrintToString(lines_of(read.errors)) << example;
  EXPECT_GE(read.config.upstreams.size(), 2u);
}

// A config in which `section` ends with `more`.
std::string with(Section section, const std::string& more) {
  const auto put = [section, &more](Section here) { return section == here ? more : ""; };
  std::ostringstream text;
  const std::string comma_more = more.empty() ? "" : ", " + more;
  const auto add = [section, &comma_more](Section here) {
    return section == here ? comma_more : "";
  };
  text << put(Section::kFile) << "\n";
  text << "listen = [{ address = '127.0.0.1:1', upstream = 'web'" << add(Section::kListen)
       << " }]\n"
       << "upstream = [{ name = 'web', servers = [{ address = 'a:1'" << add(Section::kServer)
       << " }], health = { connect = true" << add(Section::kHealth)
       << " }, ejection = { failures = 5" << (section == Section::kEjection ? comma_more : "")
       << " }" << add(Section::kUpstream) << " }]\n";
  text << "[workers]\n"
       << put(Section::kWorkers) << "\n[log]\n"
       << put(Section::kLog) << "\n[limits]\n"
       << put(Section::kLimits) << "\n[timeouts]\n"
       << put(Section::kTimeouts) << "\n";
  return text.str();
}

TEST(ConfigPage, has_defaults_that_are_true) {
  const Config without = config_of(with(Section::kFile, ""));
  std::size_t looked_at = 0;
  for (const Key& key : config_keys()) {
    const bool given = key.section == Section::kEjection && key.name == "failures";
    if (!has_literal(key) || given) continue;
    const std::string text = std::string(key.name) + " = " + std::string(key.by_default);
    EXPECT_EQ(config_of(with(key.section, text)), without) << title(key.section) << ": " << text;
    ++looked_at;
  }
  EXPECT_GE(looked_at, 40u);
  EXPECT_EQ(without.upstreams[0].ejection.failures, EjectionConfig{}.failures);
}

}  // namespace
}  // namespace ouro::proxy
