// Each direction ends on its own, and no byte before a FIN is lost.
#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

class HalfCloseTest : public EngineTest {};

TEST_P(HalfCloseTest, a_client_that_ends_first_gets_every_byte_and_then_the_end) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  for (const std::uint64_t size : {0U, 1U, 1000U, 65536U, 65537U, 1'000'000U}) {
    SCOPED_TRACE(size);
    run_stream(server.address(), {.stream = size, .bytes = size});
  }
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 6; }));
  EXPECT_EQ(handler.ended_count, 6U);
}

TEST_P(HalfCloseTest, the_end_waits_for_what_a_slow_reader_has_not_taken) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  run_stream(server.address(), {.stream = 1, .bytes = plenty(), .reading = Reading::kWhenFull},
             {.receive_buffer = 65536, .send_buffer = 65536});
}

TEST_P(HalfCloseTest, a_server_that_finished_still_receives) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a fixed file is closed as a whole";
  constexpr std::size_t kSize = 1'000'000;
  PatternChecker checker(7);
  CheckedHandler handler;
  handler.on_opened = [](Connection& connection) {
    connection.send(as_bytes("welcome"));
    connection.finish();
  };
  handler.on_data = [&](Connection&, Buffer buffer) { checker.take(buffer.bytes()); };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  EXPECT_EQ(client.receive_until_end().size(), 7U);
  client.send_all(make_pattern(7, 0, kSize));
  client.half_close();
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 1; }));
  server.stop();
  EXPECT_EQ(checker.received(), kSize);
  EXPECT_EQ(checker.mistake(), "");
}

TEST_P(HalfCloseTest, fin_follows_the_last_byte_sent_before_finish) {
  constexpr std::size_t kSize = 4'000'000;
  CheckedHandler handler;
  handler.on_opened = [](Connection& connection) {
    connection.send(make_pattern(9, 0, kSize));
    connection.finish();
    connection.send(as_bytes("too late"));
  };
  WorkerThread server(options(), handler);

  const auto bytes = server.connect({.receive_buffer = 16384}).receive_until_end();
  EXPECT_EQ(bytes.size(), kSize);
  EXPECT_EQ(check_pattern(9, 0, bytes), "");
}

TEST_P(HalfCloseTest, a_server_may_answer_after_the_peer_has_ended) {
  constexpr std::size_t kSize = 1'000'000;
  CheckedHandler handler;
  handler.on_data = [](Connection&, Buffer) {};
  handler.on_ended = [](Connection& connection) {
    connection.send(make_pattern(5, 0, kSize));
    connection.finish();
  };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.send_all("what do you say?");
  client.half_close();
  const auto bytes = client.receive_until_end();
  EXPECT_EQ(bytes.size(), kSize);
  EXPECT_EQ(check_pattern(5, 0, bytes), "");
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 1; }));
}

TEST_P(HalfCloseTest, an_answer_may_come_long_after_the_end) {
  Connection* waiting = nullptr;
  CheckedHandler handler;
  handler.on_ended = [&](Connection& connection) { waiting = &connection; };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.half_close();
  ASSERT_TRUE(eventually([&] { return handler.ended_count == 1; }));
  EXPECT_EQ(handler.closed_count, 0U) << "a half-closed connection is not a closed one";
  server.on_worker([&](Worker&) {
    waiting->send(as_bytes("at last"));
    waiting->finish();
  });
  EXPECT_EQ(client.receive_until_end().size(), 7U);
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 1; }));
}

TEST_P(HalfCloseTest, a_half_closed_connection_costs_no_turns) {
  CheckedHandler handler;
  handler.on_ended = [](Connection&) {};
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.half_close();
  ASSERT_TRUE(eventually([&] { return handler.ended_count == 1; }));

  const std::uint64_t before = server.counters().turns.get();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(server.counters().turns.get() - before, 50U) << "it spins on an end it has seen";
}

TEST_P(HalfCloseTest, finishing_twice_is_finishing_once) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer buffer) {
    connection.send(std::move(buffer));
    connection.finish();
    connection.finish();
  };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.send_all("once");
  EXPECT_EQ(client.receive_until_end().size(), 4U);
  client.close();
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 1; }));
}

OURO_ON_LIFECYCLES(HalfCloseTest);

}  // namespace
}  // namespace ouro::test
