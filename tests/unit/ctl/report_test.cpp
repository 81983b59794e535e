#include "ctl/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ouro::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kServers = R"({"schema": 1, "servers": [
  {"name": "u/a:1", "upstream": "u", "address": "10.0.0.1:1", "state": "up", "backup": false,
   "weight": 3, "connections": 2, "since": null},
  {"name": "u/a:1", "upstream": "u", "address": "10.0.0.2:1", "state": "down", "backup": true,
   "weight": 1, "connections": 5, "since": "2026-01-01T00:00:00.000Z"}]})";

TEST(CtlReport, servers_are_a_table) {
  EXPECT_EQ(servers_text(kServers),
            "NAME   ADDRESS     STATE  BACKUP  WEIGHT  CONNECTIONS  SINCE\n"
            "u/a:1  10.0.0.1:1  up     no      3       2            -\n"
            "u/a:1  10.0.0.2:1  down   yes     1       5            2026-01-01T00:00:00.000Z\n");
}

TEST(CtlReport, a_name_has_the_connections_of_all_its_addresses) {
  bool wrong = false;
  EXPECT_EQ(connections_of(kServers, "u/a:1", wrong), 7);
  EXPECT_FALSE(wrong);
  EXPECT_EQ(connections_of(kServers, "u/b:1", wrong), std::nullopt);
  EXPECT_FALSE(wrong);
  EXPECT_EQ(connections_of(R"({"servers": 1})", "u/a:1", wrong), std::nullopt);
  EXPECT_TRUE(wrong);
}

TEST(CtlReport, what_is_not_as_it_should_be_is_nothing) {
  for (const char* wrong : {"", "x", "[]", "{}", "1", R"({"servers": [{}]})",
                            R"({"servers": [{"name": 1}]})", R"({"outcome": 1})"}) {
    EXPECT_EQ(status_text(wrong), std::nullopt) << wrong;
    EXPECT_EQ(servers_text(wrong), std::nullopt) << wrong;
    EXPECT_FALSE(read_outcome(wrong)) << wrong;
  }
}

TEST(CtlReport, an_outcome_has_its_reasons) {
  const auto refused = read_outcome(R"({"outcome": "refused", "reasons": ["a", "b"]})");
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->done);
  EXPECT_THAT(refused->reasons, ElementsAre("a", "b"));
  EXPECT_FALSE(read_outcome(R"({"outcome": "refused"})"));
  const auto done = read_outcome(R"({"outcome": "done", "server": "u/a:1"})");
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->done);
  EXPECT_EQ(done->server, "u/a:1");
  EXPECT_THAT(outcome_json(*refused), HasSubstr("\"refused\""));
}

TEST(CtlReport, what_a_terminal_would_obey_is_not_printed) {
  EXPECT_THAT(*servers_text(R"({"servers": [{"name": "\u001b[2J", "upstream": "u", "address": "",
      "state": "up", "backup": false, "weight": 1, "connections": 0, "since": null}]})"),
              testing::Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace ouro::ctl
