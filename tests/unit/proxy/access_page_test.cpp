// docs/access-log.md says what the code does: its fields are those of a line, and its words those
// that a line may have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "proxy/access/line.h"

namespace ouro::proxy {
namespace {

using testing::ElementsAreArray;

// The first cells of the table below a heading.
std::vector<std::string> table(const std::string& heading) {
  const std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind("tests/unit/")) + "docs/access-log.md");
  std::vector<std::string> cells;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## " + heading;
    if (inside && line.starts_with("| `")) cells.push_back(line.substr(3, line.find('`', 3) - 3));
  }
  return cells;
}

TEST(AccessPage, has_the_fields_of_a_line) {
  std::string line;
  append_line(line, {}, AccessFormat::kText, 0);
  std::vector<std::string> fields;
  std::size_t at = 0;
  while (at < line.size()) {
    fields.push_back(line.substr(at, line.find('=', at) - at));
    at = line.find_first_of(" \n", at) + 1;
  }
  EXPECT_THAT(table("Fields"), ElementsAreArray(fields));
}

TEST(AccessPage, has_the_causes_of_the_code) {
  std::vector<std::string> causes;
  for (std::size_t i = 0; i < kCauses; ++i) {
    causes.emplace_back(to_string(static_cast<Cause>(i)));
    EXPECT_NE(causes.back(), "") << i;
  }
  EXPECT_STREQ(to_string(static_cast<Cause>(kCauses)), "");
  EXPECT_THAT(table("Causes"), ElementsAreArray(causes));
}

TEST(AccessPage, has_the_phases_of_the_code) {
  std::vector<std::string> phases;
  for (std::size_t i = 0; i < kPhases; ++i) {
    phases.emplace_back(to_string(static_cast<Phase>(i)));
  }
  EXPECT_THAT(table("Phases"), ElementsAreArray(phases));
}

}  // namespace
}  // namespace ouro::proxy
