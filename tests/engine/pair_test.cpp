// Two connections of which each sends what the other receives, and ends that wait for what is
// unsent.
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

// Connects whoever comes with a server.
class Relay final : public Handler {
 public:
  explicit Relay(const Address& server, bool splices = false)
      : server_(server), splices_(splices) {}

  void opened(Connection& connection) override {
    if (others_.contains(&connection)) return others_[&connection]->resume();
    connection.pause();
    Connection* other = *connection.worker().connect(server_, *this);
    others_[&connection] = other;
    others_[other] = &connection;
    if (!splices_ || !connection.splice_with(*other)) connection.pair_with(*other);
  }
  void data(Connection& connection, Buffer buffer) override {
    Connection& other = *others_[&connection];
    other.send(std::move(buffer));
    if (other.unsent() > unsent_most) unsent_most = other.unsent();
  }
  void ended(Connection& connection) override { others_[&connection]->finish(); }
  void closed(Connection& connection, Errc reason) override {
    Connection* other = std::exchange(others_[&connection], nullptr);
    others_.erase(&connection);
    if (other == nullptr) return;
    others_[other] = nullptr;
    if (reason == Errc::kNone) return other->close();
    reason == Errc::kTimedOut ? other->abort(reason) : other->abort_when_sent(reason);
  }
  [[nodiscard]] std::size_t open() const { return others_.size(); }

  std::size_t unsent_most = 0;

 private:
  Address server_;
  bool splices_;
  std::map<Connection*, Connection*> others_;
};

// What is spliced to a peer that is gone raises SIGPIPE.
class IgnoredPipeSignal {
 public:
  IgnoredPipeSignal() : before_(::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoredPipeSignal() { ::signal(SIGPIPE, before_); }
  IgnoredPipeSignal(const IgnoredPipeSignal&) = delete;
  IgnoredPipeSignal& operator=(const IgnoredPipeSignal&) = delete;

 private:
  void (*before_)(int);
};

class PairTest : public EngineTest {
 protected:
  // Of all sizes, written in large and in small pieces, ended at once or one way after the other.
  static void exchange_streams(WorkerThread& with) {
    Exchange exchange;
    constexpr std::uint64_t kStreams = 24;
    for (std::uint64_t i = 0; i < kStreams; ++i) {
      exchange.add(with.connect(), {.stream = i,
                                    .bytes = i % 3 == 0 ? plenty() : 1000 * i,
                                    .write_max = i % 2 == 0 ? 65536U : 700U,
                                    .finish = i % 4 == 0 ? Finish::kClose : Finish::kHalfClose});
    }
    exchange.run();
  }
};
class PairEndTest : public EngineTest {};

TEST_P(PairTest, streams_go_through_both_ways_and_end_as_they_began) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a relay ends its directions one by one";
  CheckedHandler echo;
  const WorkerThread server(options(), echo);
  Relay relay(server.address());
  WorkerThread between(options(), relay);
  exchange_streams(between);
  EXPECT_TRUE(eventually([&] { return between.counters().connections_open.get() == 0; }));
  between.stop();
  EXPECT_EQ(relay.open(), 0U);
}

TEST_P(PairTest, spliced_streams_are_the_same_streams) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a relay ends its directions one by one";
  const IgnoredPipeSignal ignored;
  CheckedHandler echo;
  const WorkerThread server(options(), echo);
  Relay relay(server.address(), true);
  WorkerThread between(options(), relay);
  exchange_streams(between);
  EXPECT_TRUE(eventually([&] { return between.counters().connections_open.get() == 0; }));
  const bool can = options().laboratory.operation == OperationVariant::kRecv || !is_uring();
  EXPECT_EQ(between.counters().spliced_bytes.get() > 0, can);
  EXPECT_EQ(between.counters().splices_refused.get(), 0U);
  between.stop();
  EXPECT_EQ(relay.open(), 0U);
}

TEST_P(PairTest, who_does_not_read_stops_the_other_within_the_window) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a relay ends its directions one by one";
  WorkerOptions small = options();
  small.window_bytes = 64 << 10;
  CheckedHandler echo;
  const WorkerThread server(options(), echo);
  Relay relay(server.address());
  WorkerThread between(small, relay);
  auto exchange = std::make_unique<Exchange>();
  exchange->add(between.connect({.receive_buffer = 16384}),
                {.stream = 1, .bytes = 100 << 20, .reading = Reading::kNever});
  exchange->add(between.connect(), {.stream = 2, .bytes = plenty(), .reading = Reading::kWhenFull});
  exchange->run();
  exchange = nullptr;
  // Who never read has gone. The server was stopped by it, and hears the rest all the same.
  EXPECT_TRUE(eventually([&] { return between.counters().connections_open.get() == 0; }));
  between.stop();
  // Its window, and what a receive that was under way has brought.
  EXPECT_LE(relay.unsent_most, (64U << 10) + 2 * (64U << 10));
}

TEST_P(PairEndTest, while_one_talks_the_other_is_not_idle) {
  WorkerOptions idle = options();
  idle.idle_timeout = std::chrono::milliseconds(400) * patience();
  // A server that only listens: nothing ever comes back.
  CheckedHandler sink;
  sink.on_data = [](Connection&, Buffer) {};
  const WorkerThread server(options(), sink);
  Relay relay(server.address());
  WorkerThread between(idle, relay);
  TestClient client = between.connect();
  for (int i = 0; i < 20; ++i) {
    client.send_all("still here");
    std::this_thread::sleep_for(std::chrono::milliseconds(50) * patience());
  }
  EXPECT_EQ(between.counters().connections_open.get(), 2U);
  EXPECT_EQ(client.wait_for_end(), Ending::kReset);  // and then both end
  EXPECT_TRUE(eventually([&] { return between.counters().connections_open.get() == 0; }));
}

TEST_P(PairEndTest, a_cut_waits_until_all_has_arrived_and_is_a_cut_all_the_same) {
  const auto bytes = make_pattern(7, 0, plenty());
  CheckedHandler handler;
  handler.on_opened = [&](Connection& connection) {
    connection.send(bytes);
    connection.abort_when_sent(Errc::kReset);
  };
  WorkerThread server(options(), handler);
  TestClient client = server.connect({.receive_buffer = 16384});
  const auto received = client.receive_exactly(bytes.size());
  EXPECT_TRUE(received == bytes);
  EXPECT_EQ(client.wait_for_end(), Ending::kReset);
  ASSERT_TRUE(eventually([&] { return handler.closed_count == 1; }));
  server.stop();
  EXPECT_EQ(handler.closed_with(Errc::kReset), 1U);
}

TEST_P(PairEndTest, a_cut_does_not_wait_for_ever_for_who_takes_nothing) {
  const auto bytes = make_pattern(7, 0, 8 << 20);
  CheckedHandler handler;
  handler.on_opened = [&](Connection& connection) {
    connection.set_idle_timeout(std::chrono::milliseconds(100));
    connection.send(bytes);
    connection.abort_when_sent(Errc::kReset);
  };
  WorkerThread server(options(), handler);
  TestClient client = server.connect({.receive_buffer = 16384});
  ASSERT_TRUE(eventually([&] { return handler.closed_count == 1; }));
  EXPECT_EQ(client.wait_for_end(), Ending::kReset);  // not an end that looks clean
}

TEST_P(PairEndTest, an_early_cut_needs_nothing_to_be_sent) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer) {
    connection.abort_when_sent(Errc::kRefused);
  };
  WorkerThread server(options(), handler);
  TestClient client = server.connect();
  client.send_all("anybody there?");
  EXPECT_EQ(client.wait_for_end(), Ending::kReset);
  server.stop();
  EXPECT_EQ(handler.closed_with(Errc::kRefused), 1U);
}

TEST_P(PairEndTest, a_source_is_where_the_connection_comes_from) {
  CheckedHandler echo;
  const WorkerThread server(options(), echo);
  CheckedHandler program;
  Address local;
  program.on_opened = [&](Connection& connection) {
    local = connection.local();
    connection.close();
  };
  const auto worker = make_worker();
  ConnectOptions from;
  from.source = *Address::parse("127.0.0.9:0");
  from.source_port_first = 21000;
  from.source_port_last = 21999;
  ASSERT_TRUE(worker->connect(server.address(), program, from));
  worker->run();
  EXPECT_EQ(local.with_port(0), from.source);
  EXPECT_GE(local.port(), 21000);
  EXPECT_LE(local.port(), 21999);
}

OURO_ON_VARIANTS(PairTest);
OURO_ON_ENGINES(PairEndTest);

}  // namespace
}  // namespace ouro::test
