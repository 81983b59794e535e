// The servers of a config by name, and the words for how they are.
#include "proxy/steering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ouro::proxy {
namespace {

using testing::HasSubstr;

std::vector<SteeredServer> servers() {
  std::vector<SteeredServer> all;
  for (const char* name : {"web/10.0.0.1:80", "web/10.0.0.2:80", "api/10.0.0.1:80",
                           "db/db.example:5432", "db/unix:/run/db/socket"}) {
    const std::string text = name;
    SteeredServer& server = all.emplace_back();
    server.name = text;
    server.upstream = text.substr(0, text.find('/'));
    server.config.address = text.substr(text.find('/') + 1);
  }
  return all;
}

TEST(FindServer, by_its_name_or_by_an_address_that_only_it_has) {
  EXPECT_EQ(find_server(servers(), "web/10.0.0.1:80"), 0);
  EXPECT_EQ(find_server(servers(), "10.0.0.2:80"), 1);
  EXPECT_EQ(find_server(servers(), "api/10.0.0.1:80"), 2);
  EXPECT_EQ(find_server(servers(), "db.example:5432"), 3);
  EXPECT_EQ(find_server(servers(), "unix:/run/db/socket"), 4);
  EXPECT_EQ(find_server(servers(), "db/unix:/run/db/socket"), 4);
}

TEST(FindServer, an_address_that_several_have_is_none) {
  EXPECT_EQ(find_server(servers(), "10.0.0.1:80").error(),
            "'10.0.0.1:80' may be web/10.0.0.1:80, api/10.0.0.1:80");
  std::vector<SteeredServer> many(10, servers()[0]);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].name = std::to_string(i) + "/10.0.0.1:80";
  EXPECT_THAT(find_server(many, "10.0.0.1:80").error(), HasSubstr(" and 2 more"));
}

TEST(FindServer, the_nearest_is_named) {
  EXPECT_EQ(find_server(servers(), "web/10.0.0.2:8").error(),
            "there is no server 'web/10.0.0.2:8'; did you mean web/10.0.0.2:80?");
  EXPECT_EQ(find_server(servers(), "db.exmple:5432").error(),
            "there is no server 'db.exmple:5432'; did you mean db.example:5432?");
  EXPECT_EQ(find_server(servers(), "web").error(), "there is no server 'web'");
  EXPECT_EQ(find_server({}, "").error(), "there is no server ''");
}

TEST(StateWord, what_was_asked_for_comes_first) {
  ServerState state;
  EXPECT_EQ(state_word(state, true, 0, 100), "up");
  EXPECT_EQ(state_word(state, false, 0, 100), "none");
  state.ejected_until_ns.store(101);
  EXPECT_EQ(state_word(state, true, 5, 100), "ejected");
  EXPECT_EQ(state_word(state, true, 5, 101), "up");
  state.health.store(Health::kDown);
  EXPECT_EQ(state_word(state, true, 5, 100), "down");
  state.draining.store(true);
  EXPECT_EQ(state_word(state, true, 5, 100), "draining");
  EXPECT_EQ(state_word(state, true, 0, 100), "drained");
}

}  // namespace
}  // namespace ouro::proxy
