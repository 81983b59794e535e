#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ouro::log {
namespace {

constexpr std::uint64_t kNewYear2026 = 1'767'225'600'000;

std::vector<std::string>& lines() {
  static std::vector<std::string> all;
  return all;
}

bool keep(std::string_view line) noexcept {
  lines().emplace_back(line);
  return true;
}

bool refuse(std::string_view) noexcept { return false; }

class Log : public testing::Test {
 protected:
  void SetUp() override { lines().clear(); }
  void TearDown() override {
    set_sink(nullptr);
    set_level(Level::kInfo);
  }
};

TEST_F(Log, a_line_says_when_how_grave_who_and_what) {
  EXPECT_EQ(format_line(kNewYear2026, Level::kWarn, "worker=3", "hung", {{"for_ms", 250}}),
            "2026-01-01T00:00:00.000Z warn worker=3 event=hung for_ms=250\n");
}

TEST_F(Log, milliseconds_and_leap_days_are_right) {
  EXPECT_THAT(format_line(1'709'251'199'987, Level::kInfo, "", "x", {}),
              testing::StartsWith("2024-02-29T23:59:59.987Z info event=x"));
}

TEST_F(Log, a_value_cannot_forge_a_second_line_or_field) {
  const std::string line =
      format_line(kNewYear2026, Level::kInfo, "master", "odd", {{"path", "a b\"c\nd=e\\"}});
  EXPECT_THAT(line, testing::EndsWith(" event=odd path=\"a b\\\"c d=e\\\\\"\n"));
}

TEST_F(Log, an_empty_value_is_still_visible) {
  EXPECT_THAT(format_line(0, Level::kInfo, "", "x", {{"why", ""}}),
              testing::EndsWith("why=\"\"\n"));
}

TEST_F(Log, a_long_line_is_cut_and_still_ends) {
  const std::string line =
      format_line(0, Level::kInfo, "", "x", {{"long", std::string(9000, 'y')}});
  EXPECT_EQ(line.size(), 4096u);
  EXPECT_EQ(line.back(), '\n');
}

TEST_F(Log, what_is_below_the_level_is_not_written) {
  set_sink(keep);
  set_level(Level::kWarn);
  info("quiet");
  warn("loud");
  EXPECT_THAT(lines(), testing::ElementsAre(testing::HasSubstr("event=loud")));
}

TEST_F(Log, lost_lines_are_counted_and_told_by_the_next_that_gets_through) {
  const std::uint64_t before = dropped();
  set_sink(refuse);
  info("one");
  info("two");
  EXPECT_EQ(dropped() - before, 2u);
  set_sink(keep);
  info("three");
  info("four");
  EXPECT_THAT(lines(), testing::ElementsAre(testing::HasSubstr("event=three"),
                                            testing::HasSubstr("event=log_dropped lines=2"),
                                            testing::HasSubstr("event=four")));
}

}  // namespace
}  // namespace ouro::log
