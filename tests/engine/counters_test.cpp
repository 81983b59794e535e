// The counters add up, and show that the loop works as it should.
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "os/features.h"
#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

class CountersTest : public EngineTest {};

TEST_P(CountersTest, what_came_in_went_out_and_every_connection_is_accounted_for) {
  constexpr std::uint64_t kBytes = 30'000;
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 50; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = kBytes, .write_max = 4000});
  }
  exchange.run();
  auto open = server.connect();
  open.send_all("x");
  (void)open.receive_exactly(1);
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 50; }));

  const Counters& counters = server.counters();
  EXPECT_TRUE(eventually([&] { return counters.connections_closed.get() == 50; }));
  EXPECT_EQ(counters.connections_accepted.get(), 51U);
  EXPECT_EQ(counters.connections_open.get(), 1U);
  EXPECT_EQ(counters.received_bytes.get(), 50 * kBytes + 1);
  EXPECT_EQ(counters.received_bytes.get(), handler.received_bytes);
  EXPECT_TRUE(eventually([&] { return counters.sent_bytes.get() == 50 * kBytes + 1; }));
  EXPECT_GE(counters.receives.get(), handler.data_count);
  EXPECT_GT(counters.sends.get(), 0U);
  EXPECT_TRUE(eventually([&] {  // brought up to date now and then, in some turn
    open.send_all("x");
    return counters.pool_bytes.get() > 0;
  }));
  EXPECT_EQ(counters.unsent_bytes.get(), 0U);
  EXPECT_EQ(counters.connections_reset.get(), 0U);
  EXPECT_EQ(counters.accept_errors.get(), 0U);
  EXPECT_EQ(counters.completion_overflows.get(), 0U);
}

TEST_P(CountersTest, a_turn_is_one_system_call_that_waits) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 20; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = 300'000, .write_max = 9000});
  }
  exchange.run();
  server.stop();
  constexpr std::uint64_t kSmall = 10;  // for what starting and ending may need
  EXPECT_LE(server.counters().waits.get(), server.counters().turns.get() + kSmall);
}

// The kernel's helpers for what would block: no operation of ours is to need one.
std::vector<std::string> kernel_helpers() {
  std::vector<std::string> helpers;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (name.starts_with("iou-wrk")) helpers.push_back(name);
  }
  return helpers;
}

TEST_P(CountersTest, no_operation_needs_a_thread_of_the_kernel) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 60; ++i) {
    exchange.add(server.connect(), {.stream = i,
                                    .bytes = 300'000,
                                    .reading = i % 2 == 0 ? Reading::kEager : Reading::kWhenFull,
                                    .finish = i % 3 == 0 ? Finish::kReset : Finish::kHalfClose});
  }
  exchange.run();
  EXPECT_EQ(kernel_helpers(), std::vector<std::string>{});
}

TEST_P(CountersTest, many_connections_share_a_turn) {
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  std::vector<TestClient> clients;
  for (int i = 0; i < 64; ++i)
    clients.push_back(TestClient::connect(worker->address_of(*listener)));
  while (handler.opened_count < 64) worker->turn(std::chrono::milliseconds(10));

  const std::uint64_t waits = worker->counters().waits.get();
  for (auto& client : clients) client.send_all("all at once");
  while (handler.received_bytes < 64 * 11) worker->turn(std::chrono::milliseconds(10));
  worker->turn(std::chrono::nanoseconds(0));
  for (auto& client : clients) EXPECT_EQ(client.receive_text(11), "all at once");
  EXPECT_LE(worker->counters().waits.get() - waits, 20U);
}

// One request to the kernel serves many messages, though each is answered while the next is
// awaited. Where nothing bounds a multishot receive, each message takes a request.
TEST_P(CountersTest, a_receive_is_not_asked_for_with_every_message) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  run_stream(server.address(), {.stream = 1, .bytes = 200'000, .in_flight_max = 500});
  const Counters& counters = server.counters();
  EXPECT_GE(counters.receives.get(), 400U);
  const os::Features features = os::probe_features();
  const bool multishot = !is_uring() || features.receive_limit || features.receive_bounded;
  const std::uint64_t most = counters.receives.get() / 10;
  EXPECT_LT(counters.receives_asked.get(), multishot ? most : counters.receives.get() + most);
}

TEST_P(CountersTest, the_time_of_the_last_turn_moves_on) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto client = server.connect();
  const std::uint64_t before = server.counters().last_turn_ns.get();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  client.send_all("x");
  (void)client.receive_exactly(1);
  EXPECT_TRUE(eventually([&] { return server.counters().last_turn_ns.get() > before; }));
}

TEST_P(CountersTest, a_worker_counts_where_it_is_told_to) {
  Counters elsewhere;
  WorkerOptions with = options();
  with.counters = &elsewhere;
  CheckedHandler handler;
  WorkerThread server(with, handler);
  run_stream(server.address(), {.stream = 1, .bytes = 1000});
  server.stop();
  EXPECT_EQ(elsewhere.received_bytes.get(), 1000U);
  EXPECT_EQ(elsewhere.connections_accepted.get(), 1U);
}

OURO_ON_ENGINES(CountersTest);

}  // namespace
}  // namespace ouro::test
