// Connections that fall quiet, and limits on how long that may last.
#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

using std::chrono::milliseconds;

class IdleTest : public EngineTest {
 protected:
  static WorkerOptions idle_after(milliseconds timeout) {
    WorkerOptions with = options();
    with.idle_timeout = timeout;
    return with;
  }
};

TEST_P(IdleTest, a_quiet_connection_is_closed_and_counted) {
  CheckedHandler handler;
  WorkerThread server(idle_after(milliseconds(50)), handler);
  auto client = server.connect();
  client.send_all("and then nothing");
  (void)client.receive_text(16);
  (void)client.wait_for_end();
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kTimedOut) == 1; }));
  server.stop();
  EXPECT_EQ(server.counters().connections_timed_out.get(), 1U);
}

TEST_P(IdleTest, one_that_never_said_a_word_is_closed_too) {
  CheckedHandler handler;
  WorkerThread server(idle_after(milliseconds(50)), handler);
  auto client = server.connect();
  (void)client.wait_for_end();
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kTimedOut) == 1; }));
}

TEST_P(IdleTest, one_that_never_reads_is_closed_when_nothing_moves_any_more) {
  CheckedHandler handler;
  WorkerThread server(idle_after(milliseconds(300)), handler);
  Exchange exchange;
  exchange.add(server.connect({.receive_buffer = 16384}),
               {.stream = 1, .bytes = 64'000'000, .reading = Reading::kNever});
  exchange.run_until_still();
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kTimedOut) == 1; }));
  EXPECT_TRUE(eventually([&] { return server.counters().unsent_bytes.get() == 0; }));
}

TEST_P(IdleTest, a_connection_in_use_stays) {
  CheckedHandler handler;
  // Every echo takes far less than the timeout; all together take several of them.
  WorkerThread server(idle_after(milliseconds(1000)), handler);
  auto client = server.connect();
  for (int i = 0; i < 30; ++i) {
    client.send_all("still here");
    EXPECT_EQ(client.receive_text(10), "still here");
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(handler.closed_count, 0U);
}

TEST_P(IdleTest, a_connection_may_have_a_timeout_of_its_own_or_none) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer buffer) {
    const bool patient = buffer.bytes()[0] == std::byte{'p'};
    connection.set_idle_timeout(patient ? milliseconds(0) : milliseconds(50));
    connection.send(std::move(buffer));
  };
  WorkerThread server(idle_after(milliseconds(300)), handler);
  auto patient = server.connect();
  auto hasty = server.connect();
  auto usual = server.connect();
  patient.send_all("p");
  hasty.send_all("h");
  (void)hasty.wait_for_end();
  (void)usual.wait_for_end();
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kTimedOut) == 2; }));
  patient.send_all("p");
  EXPECT_EQ(patient.receive_text(2), "pp");
}

TEST_P(IdleTest, idle_connections_cost_no_turns) {
  CheckedHandler handler;
  WorkerThread server(idle_after(std::chrono::minutes(10)), handler);
  std::vector<TestClient> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(server.connect());
  ASSERT_TRUE(eventually([&] { return handler.opened_count == 200; }));
  const std::uint64_t before = server.counters().turns.get();
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_LT(server.counters().turns.get() - before, 50U);
}

OURO_ON_ENGINES(IdleTest);

}  // namespace
}  // namespace ouro::test
