// Back-pressure: what a peer that does not read may cost, and that it costs nobody else.
#include <algorithm>
#include <thread>
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

constexpr std::size_t kCredit = std::size_t{64} << 10;

class WindowTest : public EngineTest {
 protected:
  // Every byte of `client` that the server and the kernels in between are ready to take.
  static std::uint64_t write_until_full(Exchange& exchange, TestClient client,
                                        std::uint64_t stream) {
    exchange.add(std::move(client),
                 {.stream = stream, .bytes = 64 * kMiB, .reading = Reading::kNever});
    exchange.run_until_still();
    return exchange.bytes_written();
  }
};

TEST_P(WindowTest, a_client_that_never_reads_costs_at_most_its_window_and_one_credit) {
  for (const std::size_t window : {16 * kKiB, 256 * kKiB, kMiB}) {
    SCOPED_TRACE(window);
    WorkerOptions with = options();
    with.window_bytes = window;
    CheckedHandler handler;
    WorkerThread server(with, handler);
    Exchange exchange;
    write_until_full(exchange, server.connect({.receive_buffer = 16384}), 1);

    EXPECT_GE(server.counters().window_stalls.get(), 1U);
    EXPECT_GE(handler.unsent_most, window / 2) << "the window is not used";
    EXPECT_LE(handler.unsent_most, window + kCredit);
    EXPECT_LE(server.counters().unsent_bytes.get(), 2 * (window + kCredit));
  }
}

TEST_P(WindowTest, the_server_stops_reading_from_who_does_not_read) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  write_until_full(exchange, server.connect({.receive_buffer = 16384, .send_buffer = 4096}), 1);

  const std::uint64_t received = handler.received_bytes;
  const std::uint64_t turns = server.counters().turns.get();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(handler.received_bytes, received);
  EXPECT_LT(server.counters().turns.get() - turns, 50U) << "it spins on a full window";
}

TEST_P(WindowTest, reading_goes_on_when_the_peer_reads_again) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto client = server.connect({.receive_buffer = 16384});
  const auto bytes = make_pattern(4, 0, 16 * kMiB);
  std::size_t written = 0;
  ASSERT_TRUE(eventually([&] {
    written += client.try_send(std::span(bytes).subspan(written));
    return server.counters().window_stalls.get() > 0;
  }));

  EXPECT_EQ(check_pattern(4, 0, client.receive_exactly(written)), "");
  EXPECT_TRUE(eventually([&] { return handler.drained_count > 0; }));
  client.send_all(std::span(bytes).subspan(written, kKiB));
  EXPECT_EQ(check_pattern(4, written, client.receive_exactly(kKiB)), "");
}

TEST_P(WindowTest, drained_comes_only_to_who_filled_the_window) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  run_stream(server.address(),
             {.stream = 1, .bytes = kMiB, .write_max = kKiB, .in_flight_max = kKiB});
  server.stop();
  EXPECT_EQ(handler.drained_count, 0U);
}

TEST_P(WindowTest, a_program_may_send_more_than_the_window_and_is_told_when_it_is_gone) {
  constexpr std::size_t kSize = 16 * kMiB;
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer) {
    connection.send(make_pattern(2, 0, kSize));
  };
  handler.on_drained = [](Connection& connection) {
    connection.send(as_bytes("that was all"));
    connection.finish();
  };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.send_all("give");
  EXPECT_EQ(check_pattern(2, 0, client.receive_exactly(kSize)), "");
  EXPECT_EQ(client.receive_until_end().size(), 12U);
}

TEST_P(WindowTest, a_window_per_connection_not_for_all) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 30; ++i) {
    exchange.add(server.connect({.receive_buffer = 16384}),
                 {.stream = i, .bytes = 64 * kMiB, .reading = Reading::kNever});
  }
  exchange.run_until_still();
  EXPECT_GE(server.counters().window_stalls.get(), 30U);
  EXPECT_LE(server.counters().unsent_bytes.get(), 30 * (256 * kKiB + kCredit));
  run_stream(server.address(), {.stream = 99, .bytes = 4 * kMiB, .reading = Reading::kWhenFull});
}

TEST_P(WindowTest, unsent_bytes_max_shrinks_windows_and_everyone_still_finishes) {
  constexpr std::uint64_t kClients = 64;
  WorkerOptions with = options();
  with.window_bytes = kMiB;
  with.unsent_bytes_max = 2 * kMiB;  // 64 full windows would be 64 MiB
  CheckedHandler handler;
  WorkerThread server(with, handler);
  std::vector<TestClient> clients;
  std::vector<std::size_t> written(kClients, 0);
  for (std::uint64_t i = 0; i < kClients; ++i) {
    clients.push_back(server.connect({.receive_buffer = 65536, .send_buffer = 65536}));
  }
  std::uint64_t unsent_most = 0;
  for (int round = 0; round < 200; ++round) {
    for (std::size_t i = 0; i < kClients; ++i) {
      const auto piece = make_pattern(i, written[i], 16 * kKiB);
      written[i] += clients[i].try_send(piece);
    }
    unsent_most = std::max(unsent_most, server.counters().unsent_bytes.get());
  }
  EXPECT_TRUE(eventually([&] {  // counted when a turn ends, which may be after the last round
    unsent_most = std::max(unsent_most, server.counters().unsent_bytes.get());
    return unsent_most > 0;
  }));
  // Beyond the bound goes only what was already on its way: for each twice its credit, in blocks of
  // which the first and the last are not full.
  EXPECT_LE(unsent_most, with.unsent_bytes_max + 2 * kClients * (kCredit + 16 * kKiB));

  for (std::size_t i = 0; i < kClients; ++i) {
    SCOPED_TRACE(i);
    clients[i].half_close();
    const auto bytes = clients[i].receive_until_end();
    EXPECT_EQ(bytes.size(), written[i]);
    EXPECT_EQ(check_pattern(i, 0, bytes), "");
  }
  EXPECT_TRUE(eventually([&] { return server.counters().unsent_bytes.get() == 0; }));
}

TEST_P(WindowTest, the_smallest_window_carries_every_byte) {
  for (const std::size_t window : {std::size_t{1}, std::size_t{100}, 4 * kKiB}) {
    SCOPED_TRACE(window);
    WorkerOptions with = options();
    with.window_bytes = window;
    CheckedHandler handler;
    WorkerThread server(with, handler);
    const std::uint64_t bytes = 3000 * std::min<std::uint64_t>(window, 100);
    run_stream(server.address(), {.stream = 1, .bytes = bytes, .reading = Reading::kWhenFull});
  }
}

TEST_P(WindowTest, pause_stops_the_flow_within_one_credit_and_resume_restarts_it) {
  Connection* paused = nullptr;
  CheckedHandler handler;
  PatternChecker checker(3);
  handler.on_data = [&](Connection& connection, Buffer buffer) {
    checker.take(buffer.bytes());
    if (paused == nullptr) connection.pause();
    paused = &connection;
  };
  WorkerThread server(options(), handler);
  Exchange exchange;
  exchange.add(server.connect(), {.stream = 3, .bytes = 16 * kMiB, .reading = Reading::kNever});
  exchange.run_until_still();

  EXPECT_GT(handler.received_bytes, 0U);
  EXPECT_LE(handler.received_bytes, 2 * kCredit) << "the first data, and a credit after pause()";
  EXPECT_LT(exchange.bytes_written(), 16 * kMiB);
  server.on_worker([&](Worker&) { paused->resume(); });
  exchange.run_until_still();
  EXPECT_TRUE(eventually([&] { return handler.received_bytes == 16 * kMiB; }));
  server.stop();
  EXPECT_EQ(checker.mistake(), "");
}

TEST_P(WindowTest, a_connection_paused_at_birth_receives_nothing_and_still_sends) {
  Connection* paused = nullptr;
  CheckedHandler handler;
  handler.on_opened = [&](Connection& connection) {
    connection.pause();
    connection.send(make_pattern(1, 0, kMiB));
    paused = &connection;
  };
  handler.on_data = [](Connection& connection, Buffer) { connection.finish(); };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.send_all("hello?");
  EXPECT_EQ(check_pattern(1, 0, client.receive_exactly(kMiB)), "");
  EXPECT_LE(handler.received_bytes, kCredit);
  server.on_worker([&](Worker&) { paused->resume(); });
  EXPECT_TRUE(client.receive_until_end().empty());
}

TEST_P(WindowTest, pausing_and_resuming_at_every_call_loses_nothing) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer buffer) {
    connection.pause();
    connection.send(std::move(buffer));
    connection.resume();
    connection.pause();
    connection.resume();
  };
  WorkerThread server(options(), handler);
  run_stream(server.address(), {.stream = 1, .bytes = 4 * kMiB, .write_max = 30'000});
}

OURO_ON_ENGINES(WindowTest);

}  // namespace
}  // namespace ouro::test
