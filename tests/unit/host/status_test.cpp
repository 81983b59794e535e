#include "host/status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ouro::host {
namespace {

using Json = nlohmann::json;

TEST(Status, says_what_the_pages_and_the_master_know) {
  auto pages = SharedPages::create(2);
  ASSERT_TRUE(pages);
  pages->master().state.store(ServerState::kReady);
  pages->workers()[1].state.store(ChildState::kHung);
  pages->workers()[1].claimed.store(7);
  ServerStatus status;
  status.program = "echo";
  status.listeners = {"127.0.0.1:7"};
  status.last_reload = {.reasons = {"a", "b"}, .unix_ms = 0};
  const Json json = Json::parse(status_json(status, *pages));
  EXPECT_EQ(json["program"], "echo");
  EXPECT_EQ(json["state"], "ready");
  EXPECT_EQ(json["workers"][1]["state"], "hung");
  EXPECT_EQ(json["workers"][1]["connections"], 7);
  EXPECT_EQ(json["listeners"], Json({"127.0.0.1:7"}));
  EXPECT_TRUE(json["admin"].is_null());
  EXPECT_EQ(json["last_reload"]["outcome"], "refused");
  EXPECT_EQ(json["last_reload"]["at"], "1970-01-01T00:00:00.000Z");
  status.last_reload = {.unix_ms = 1};
  EXPECT_EQ(Json::parse(status_json(status, *pages))["last_reload"]["outcome"], "under way");
  status.last_reload->done = true;
  EXPECT_EQ(Json::parse(status_json(status, *pages))["last_reload"]["outcome"], "done");
}

TEST(Status, facts_are_added) {
  const std::vector<std::pair<std::string, std::string>> facts{{"config", "a\"\xff"}};
  const Json json = Json::parse(with_facts(R"({"a": 1})", facts));
  EXPECT_EQ(json["a"], 1);
  EXPECT_EQ(json["config"], "a\"\xef\xbf\xbd");
}

TEST(Outcome, is_refused_if_there_are_reasons) {
  EXPECT_EQ(Json::parse(outcome_json({}))["outcome"], "done");
  const std::vector<std::string> reasons{"a"};
  const Json json = Json::parse(outcome_json(reasons));
  EXPECT_EQ(json["outcome"], "refused");
  EXPECT_EQ(json["reasons"], Json(reasons));
}

}  // namespace
}  // namespace ouro::host
