// Descriptors and slots that are used again and again: no byte of one connection may ever reach
// another, however late the kernel's answers for the former owner come.
#include <memory>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

class ReuseTest : public EngineTest {};

TEST_P(ReuseTest, short_connections_one_after_the_other_get_their_own_bytes) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  for (std::uint64_t i = 0; i < 500; ++i) {
    run_stream(server.address(), {.stream = i, .bytes = 1 + i * 37 % 5000});
  }
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 500; }));
}

TEST_P(ReuseTest, connections_cut_in_full_flight_leave_nothing_to_their_successors) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  std::uint64_t stream = 0;
  for (int round = 0; round < 40; ++round) {
    Exchange exchange;
    for (int i = 0; i < 12; ++i, ++stream) {
      const bool cut = i % 3 != 0;
      exchange.add(server.connect(), {.stream = stream,
                                      .bytes = cut ? 200'000U : 20'000U,
                                      .reading = cut ? Reading::kWhenFull : Reading::kEager,
                                      .finish = cut ? Finish::kReset : Finish::kHalfClose});
    }
    exchange.run();
  }
  EXPECT_TRUE(eventually([&] { return handler.closed_count == stream; }));
  EXPECT_EQ(server.counters().connections_open.get(), 0U);
  EXPECT_TRUE(eventually([&] { return server.counters().unsent_bytes.get() == 0; }));
}

// Cuts every connection from the server's side just after it was told to send, so that sends are
// prepared for descriptors that are about to be closed.
TEST_P(ReuseTest, connections_cut_by_the_server_with_sends_prepared_leak_no_byte) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer buffer) {
    const bool cut = buffer.bytes()[0] == std::byte{'!'};
    connection.send(std::move(buffer));
    if (cut) connection.abort();
  };
  WorkerThread server(options(), handler);
  const std::string poison(50'000, '!');
  for (int round = 0; round < 100; ++round) {
    std::vector<TestClient> doomed;
    for (int i = 0; i < 4; ++i) {
      doomed.push_back(server.connect());
      (void)doomed.back().try_send(as_bytes(poison));
    }
    auto good = server.connect();
    for (int i = 0; i < 3; ++i) {
      const std::string words = "round " + std::to_string(round * 10 + i);
      good.send_all(words);
      ASSERT_EQ(good.receive_text(words.size()), words);
    }
    for (auto& client : doomed) client.close();
  }
}

TEST_P(ReuseTest, outgoing_connections_are_reused_as_cleanly) {
  constexpr std::uint64_t kRounds = 300;
  CheckedHandler echo;
  const WorkerThread server(options(), echo);
  const auto worker = make_worker();
  CheckedHandler program;
  std::uint64_t begun = 0;
  std::map<const Connection*, std::unique_ptr<PatternChecker>> open;
  std::vector<std::string> mistakes;
  const auto begin_one = [&] {
    if (begun == kRounds) return;
    ++begun;
    ASSERT_TRUE(worker->connect(server.address(), program));
  };
  program.on_opened = [&](Connection& connection) {
    const std::uint64_t stream = open.size() + begun * 1000;
    open[&connection] = std::make_unique<PatternChecker>(stream);
    connection.send(make_pattern(stream, 0, 30'000));
    if (stream % 2 == 0) connection.finish();
  };
  program.on_data = [&](Connection& connection, Buffer buffer) {
    open[&connection]->take(buffer.bytes());
    if (open[&connection]->received() == 30'000) connection.finish();
  };
  program.on_closed = [&](Connection& connection, Errc) {
    if (!open[&connection]->mistake().empty()) mistakes.push_back(open[&connection]->mistake());
    open.erase(&connection);
    begin_one();
  };
  for (int i = 0; i < 10; ++i) begin_one();
  worker->run();
  EXPECT_EQ(mistakes, std::vector<std::string>{});
  EXPECT_EQ(program.closed_with(Errc::kNone), kRounds);
}

TEST_P(ReuseTest, clients_that_connect_and_vanish_cost_nothing) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  for (int i = 0; i < 500; ++i) {
    auto client = server.connect();
    if (i % 2 == 0) client.reset();
  }
  run_stream(server.address(), {.stream = 1, .bytes = 100'000});
  EXPECT_TRUE(eventually(
      [&] { return server.counters().connections_open.get() == 0 && handler.closed_count > 0; }));
  EXPECT_EQ(handler.opened_count, handler.closed_count);
}

OURO_ON_VARIANTS(ReuseTest);

}  // namespace
}  // namespace ouro::test
