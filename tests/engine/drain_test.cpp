// drain(): nothing new, what is under way finishes, what does not finish is cut and counted.
#include <optional>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Begins a drain on a running worker and knows when and how it ended.
class Drain {
 public:
  Drain(WorkerThread& server, milliseconds limit) {
    server.on_worker([&](Worker& worker) {
      worker.drain(limit, [this](std::size_t cut) {
        cut_ = cut;
        ++done_;
      });
    });
  }
  // The number of connections cut, once it is over.
  [[nodiscard]] std::size_t wait() const {
    EXPECT_TRUE(eventually([&] { return done_ > 0; })) << "the drain never ended";
    EXPECT_EQ(done_, 1) << "the drain ended more than once";
    return cut_;
  }
  [[nodiscard]] bool is_done() const { return done_ > 0; }

 private:
  std::atomic<std::size_t> cut_{0};
  std::atomic<int> done_{0};
};

constexpr std::size_t kPeriod = 8192;

// Writes the same 8 KiB over and over until the server has had enough.
class EndlessWriter {
 public:
  explicit EndlessWriter(TestClient& client) : thread_([this, &client] { write_to(client); }) {}
  ~EndlessWriter() {
    over_ = true;
    thread_.join();
  }
  EndlessWriter(const EndlessWriter&) = delete;
  EndlessWriter& operator=(const EndlessWriter&) = delete;

 private:
  void write_to(TestClient& client) {
    const auto period = make_pattern(1, 0, kPeriod);
    std::size_t at = 0;
    try {
      while (!over_) at = (at + client.try_send(std::span(period).subspan(at))) % kPeriod;
    } catch (const ClientError&) {  // it was cut, as it should be
    }
  }

  std::atomic<bool> over_{false};
  std::thread thread_;
};

// Checks what comes back from an EndlessWriter.
class PeriodicChecker {
 public:
  void read_from(TestClient& client) {
    const auto count = client.try_receive(piece_);
    if (!count) return sleep_briefly();
    ended_ = *count == 0;
    for (std::size_t i = 0; i < *count; ++i) {
      if (piece_[i] != period_[(received_ + i) % kPeriod]) ++mistakes_;
    }
    received_ += *count;
  }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t mistakes() const { return mistakes_; }
  [[nodiscard]] bool has_ended() const { return ended_; }

 private:
  std::vector<std::byte> period_ = make_pattern(1, 0, kPeriod);
  std::vector<std::byte> piece_ = std::vector<std::byte>(256 * 1024);
  std::uint64_t received_ = 0;
  std::uint64_t mistakes_ = 0;
  bool ended_ = false;
};

class DrainTest : public EngineTest {};

TEST_P(DrainTest, with_nothing_open_it_is_done) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  EXPECT_EQ(Drain(server, kCeiling).wait(), 0U);
}

TEST_P(DrainTest, quiet_connections_are_closed_with_fin) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  std::vector<TestClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(server.connect());
    clients.back().send_all("hello");
    EXPECT_EQ(clients.back().receive_text(5), "hello");
  }
  const Drain drain(server, kCeiling);
  for (auto& client : clients) EXPECT_EQ(client.wait_for_end(), Ending::kFin);
  clients.clear();
  EXPECT_EQ(drain.wait(), 0U);
  EXPECT_EQ(server.counters().connections_open.get(), 0U);
}

TEST_P(DrainTest, nothing_new_is_accepted) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  EXPECT_EQ(Drain(server, kCeiling).wait(), 0U);
  EXPECT_THROW((void)server.connect(), ClientError);
}

TEST_P(DrainTest, who_was_in_the_queue_is_served) {
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  const Address address = worker->address_of(*listener);
  std::vector<TestClient> clients;  // all are in the queue before the worker first runs
  for (int i = 0; i < 100; ++i) {
    clients.push_back(TestClient::connect(address));
    clients.back().send_all("me too");
    clients.back().half_close();
  }
  std::optional<std::size_t> cut;
  worker->drain(kCeiling, [&](std::size_t count) { cut = count; });
  worker->run();
  EXPECT_EQ(cut, 0U);
  for (auto& client : clients) EXPECT_EQ(client.receive_until_end().size(), 6U);
}

TEST_P(DrainTest, run_returns_when_the_drain_is_over) {
  CheckedHandler handler;
  const auto worker = make_worker();
  ASSERT_TRUE(worker->listen(loopback(), handler));
  bool done = false;
  worker->drain(kCeiling, [&](std::size_t) { done = true; });
  worker->run();
  EXPECT_TRUE(done);
}

TEST_P(DrainTest, a_busy_connection_finishes_what_is_under_way) {
  constexpr std::size_t kSize = 16'000'000;
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer) {
    connection.send(make_pattern(1, 0, kSize));
  };
  WorkerThread server(options(), handler);
  auto client = server.connect({.receive_buffer = 16384});
  client.send_all("the large one, please");
  ASSERT_TRUE(eventually([&] { return handler.data_count > 0; }));

  const Drain drain(server, kCeiling);
  const auto bytes = client.receive_until_end();
  EXPECT_EQ(bytes.size(), kSize);
  EXPECT_EQ(check_pattern(1, 0, bytes), "");
  client.close();
  EXPECT_EQ(drain.wait(), 0U);
}

TEST_P(DrainTest, who_never_reads_is_cut_at_the_limit_and_counted) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 3; ++i) {
    exchange.add(server.connect({.receive_buffer = 16384}),
                 {.stream = i, .bytes = 64'000'000, .reading = Reading::kNever});
  }
  exchange.run_until_still();
  auto quiet = server.connect();
  ASSERT_TRUE(eventually([&] { return handler.opened_count == 4; }));

  const Drain drain(server, milliseconds(400));
  EXPECT_EQ(quiet.wait_for_end(), Ending::kFin);
  quiet.close();
  EXPECT_EQ(drain.wait(), 3U);
  EXPECT_EQ(server.counters().connections_cut.get(), 3U);
  EXPECT_EQ(server.counters().connections_open.get(), 0U);
}

TEST_P(DrainTest, an_endless_stream_is_flushed_and_ended_before_it_is_cut) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto client = server.connect();
  EndlessWriter writer(client);
  PeriodicChecker checker;
  while (checker.received() < 1'000'000) checker.read_from(client);

  const Drain drain(server, seconds(1));
  while (!checker.has_ended()) checker.read_from(client);
  EXPECT_EQ(drain.wait(), 1U) << "it never ended by itself";
  EXPECT_EQ(checker.mistakes(), 0U);
  EXPECT_EQ(checker.received(), server.counters().sent_bytes.get());
  EXPECT_EQ(checker.received(), handler.received_bytes) << "received and not sent back";
}

TEST_P(DrainTest, a_connection_that_goes_on_asking_does_not_hold_it_up_for_ever) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.send_all("x");
  (void)client.receive_exactly(1);
  const Drain drain(server, seconds(1));
  try {
    while (!drain.is_done()) {
      client.send_all("x");
      (void)client.receive_exactly(1);
    }
  } catch (const ClientError&) {  // it was ended between two questions
  }
  (void)drain.wait();
  EXPECT_EQ(server.counters().connections_open.get(), 0U);
}

OURO_ON_ENGINES(DrainTest);

}  // namespace
}  // namespace ouro::test
