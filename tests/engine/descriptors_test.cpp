// What happens when descriptors run out. In a child process, which has few of them.
#include <thread>

#include "support/child_process.h"
#include "support/engine_test.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

using std::chrono::milliseconds;

constexpr unsigned kSpare = 20;  // descriptors the server may open
constexpr std::size_t kClients = 60;

class DescriptorsTest : public EngineTest {
 protected:
  // One whose clients have used up every descriptor it may have.
  struct Exhausted {
    ServerProcess server;
    std::vector<TestClient> clients;

    Exhausted() : server({.options = options(), .limit = [] { limit_descriptors(kSpare); }}) {
      for (std::size_t i = 0; i < kClients; ++i) {
        clients.push_back(server.connect());
        clients.back().send_all("x");
      }
      EXPECT_TRUE(eventually([&] { return accepted() >= kSpare; }));
      EXPECT_TRUE(eventually([&] { return server.counters().accept_pauses.get() > 0; }));
    }
    [[nodiscard]] std::uint64_t accepted() const {
      return server.counters().connections_accepted.get();
    }
  };
};

TEST_P(DescriptorsTest, accepting_pauses_without_spinning) {
  const Exhausted scene;
  const Counters& counters = scene.server.counters();
  const std::uint64_t before = counters.turns.get();
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(milliseconds(300));
  const auto passed = std::chrono::steady_clock::now() - begin;
  // However long we were made to sleep: now and then a turn, not one after the other.
  const auto turns_max = static_cast<std::uint64_t>(50 + passed / milliseconds(5));
  EXPECT_LT(counters.turns.get() - before, turns_max);
  EXPECT_LE(scene.accepted(), kSpare);
}

TEST_P(DescriptorsTest, connections_that_are_there_live_on) {
  Exhausted scene;
  for (std::size_t i = 0; i < 10; ++i) {
    TestClient& client = scene.clients[i];
    EXPECT_EQ(client.receive_text(1), "x");
    client.send_all("still here");
    EXPECT_EQ(client.receive_text(10), "still here");
  }
  EXPECT_EQ(scene.server.counters().connections_reset.get(), 0U);
}

TEST_P(DescriptorsTest, accepting_resumes_by_itself_when_some_go) {
  Exhausted scene;
  for (TestClient& client : scene.clients) {  // each that goes makes room for one that waits
    EXPECT_EQ(client.receive_text(1), "x");
    client.close();
  }
  EXPECT_TRUE(
      eventually([&] { return scene.server.counters().connections_closed.get() == kClients; }));
  EXPECT_EQ(scene.accepted(), kClients);
}

TEST_P(DescriptorsTest, a_limit_met_and_left_many_times_is_no_different) {
  const ServerProcess server({.options = options(), .limit = [] { limit_descriptors(kSpare); }});
  for (int round = 0; round < 10; ++round) {
    std::vector<TestClient> clients;
    for (std::size_t i = 0; i < 2 * kSpare; ++i) {
      clients.push_back(server.connect());
      clients.back().send_all("x");
    }
    for (TestClient& client : clients) {
      EXPECT_EQ(client.receive_text(1), "x");
      client.reset();
    }
  }
  const Counters& counters = server.counters();
  EXPECT_TRUE(eventually([&] { return counters.connections_open.get() == 0; }));
  EXPECT_EQ(counters.connections_accepted.get(), counters.connections_closed.get());
}

// Only the calls in question are made without descriptors: sanitizers need some for themselves.
TEST_P(DescriptorsTest, a_connect_without_a_descriptor_fails_in_words) {
  CheckedHandler handler;
  const auto worker = make_worker();
  Result<Connection*> connection = nullptr;
  {
    const FewDescriptors none(0);
    connection = worker->connect(loopback().with_port(9), handler);
  }
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, Errc::kNoDescriptors);
  EXPECT_NE(connection.error().what.find(' '), std::string::npos);
}

TEST_P(DescriptorsTest, a_worker_that_cannot_be_made_says_why) {
  const auto attempt = [] {
    const FewDescriptors none(0);
    return Worker::create(options());
  };
  const auto worker = attempt();
  ASSERT_FALSE(worker);
  EXPECT_NE(worker.error().what.find(' '), std::string::npos) << worker.error().what;
}

TEST_P(DescriptorsTest, a_worker_closes_everything_it_opened) {
  const auto attempt = [] {
    const unsigned before = open_descriptors();
    for (int i = 0; i < 5; ++i) {
      CheckedHandler handler;
      const auto worker = make_worker();
      const auto listener = worker->listen(loopback(), handler);
      if (!listener) return 1;
      auto client = TestClient::connect(worker->address_of(*listener));
      while (handler.opened_count == 0) worker->turn(milliseconds(10));
    }
    return open_descriptors() == before ? 0 : 2;
  };
  EXPECT_EQ(run_in_child(attempt), 0);
}

OURO_ON_ENGINES(DescriptorsTest);

}  // namespace
}  // namespace ouro::test
