#include "host/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

namespace ouro::host {
namespace {

using testing::HasSubstr;
using testing::Not;

class Metrics : public testing::Test {
 protected:
  void SetUp() override {
    pages_.master().state.store(ServerState::kReady);
    for (WorkerPage& page : pages_.workers()) page.state.store(ChildState::kLive);
  }
  std::string text() { return metrics_text({"echo", "1.2.3", 0}, pages_, 5'000'000'000); }

  SharedPages pages_ = *SharedPages::create(2);
};

TEST_F(Metrics, every_counter_is_there_for_every_worker) {
  pages_.workers()[0].counters.connections_accepted.add(7);
  pages_.workers()[1].counters.pool_bytes.set(4096);
  EXPECT_THAT(text(), HasSubstr("# TYPE ouro_connections_accepted_total counter\n"
                                "ouro_connections_accepted_total{worker=\"0\"} 7\n"
                                "ouro_connections_accepted_total{worker=\"1\"} 0\n"));
  EXPECT_THAT(text(), HasSubstr("# TYPE ouro_pool_bytes gauge\n"
                                "ouro_pool_bytes{worker=\"0\"} 0\n"
                                "ouro_pool_bytes{worker=\"1\"} 4096\n"));
}

TEST_F(Metrics, the_program_and_its_engine_are_named) {
  EXPECT_THAT(
      text(),
      HasSubstr("ouro_build_info{program=\"echo\",version=\"1.2.3\",engine=\"epoll\"} 1\n"));
  pages_.master().engine_is_uring.store(true);
  EXPECT_THAT(text(), HasSubstr("engine=\"io_uring\"} 1\n"));
}

TEST_F(Metrics, sum_limit_and_imbalance_are_there) {
  pages_.workers()[0].claimed.store(9);
  pages_.workers()[1].claimed.store(4);
  EXPECT_THAT(text(), HasSubstr("\nouro_server_connections 13\n"));
  EXPECT_THAT(text(), HasSubstr("\nouro_connections_imbalance 5\n"));
  EXPECT_THAT(text(), Not(HasSubstr("server_connections_max")));
  EXPECT_THAT(metrics_text({"echo", "1", 20}, pages_, 0),
              HasSubstr("\nouro_server_connections_max 20\n"));
}

TEST_F(Metrics, a_worker_that_is_down_or_hung_is_not_up) {
  pages_.workers()[0].state.store(ChildState::kDown);
  pages_.workers()[0].respawns.add(3);
  EXPECT_THAT(text(),
              HasSubstr("ouro_worker_up{worker=\"0\"} 0\nouro_worker_up{worker=\"1\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("ouro_worker_respawns_total{worker=\"0\"} 3\n"));
  pages_.workers()[1].state.store(ChildState::kHung);
  EXPECT_THAT(text(), HasSubstr("ouro_worker_up{worker=\"1\"} 0\n"));
}

TEST_F(Metrics, the_age_of_the_last_turn_is_in_seconds) {
  pages_.workers()[0].counters.last_turn_ns.set(4'500'000'000);
  EXPECT_THAT(text(), HasSubstr("ouro_worker_turn_age_seconds{worker=\"0\"} 0.5\n"));
}

TEST_F(Metrics, each_line_is_one_that_prometheus_reads_and_no_family_comes_twice) {
  const std::regex sample(R"re(ouro_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+)re");
  const std::regex comment(R"(# (HELP|TYPE) ouro_[a-z_]+ .+)");
  std::set<std::string> types;
  std::istringstream lines(text());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(std::regex_match(line, sample) || std::regex_match(line, comment)) << line;
    if (!line.starts_with("# TYPE")) continue;
    EXPECT_TRUE(types.insert(line).second) << line;
  }
}

TEST_F(Metrics, healthy_is_ready_with_somebody_to_serve) {
  EXPECT_TRUE(is_healthy(pages_));
  pages_.workers()[0].state.store(ChildState::kDown);
  EXPECT_TRUE(is_healthy(pages_));
  pages_.workers()[1].state.store(ChildState::kHung);
  EXPECT_FALSE(is_healthy(pages_));
  pages_.workers()[1].state.store(ChildState::kLive);
  pages_.master().state.store(ServerState::kLeaving);
  EXPECT_FALSE(is_healthy(pages_));
}

}  // namespace
}  // namespace ouro::host
