// Leases on the pool: what may be done with them, and what happens when there are none left.
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

class BuffersTest : public EngineTest {
 protected:
  static WorkerOptions few_buffers() {
    WorkerOptions few = options();
    few.laboratory.buffer_bytes = 4096;
    few.laboratory.buffer_count_max = 4;
    return few;
  }
  static std::vector<TestClient> clients_that_say(const WorkerThread& server, const char* words) {
    std::vector<TestClient> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(server.connect());
      clients.back().send_all(words);
    }
    return clients;
  }
};

// A handler that keeps every lease, and a way to make it let go on the worker's thread: a lease
// must be gone before its worker is.
class Hoard {
 public:
  explicit Hoard(CheckedHandler& handler) {
    handler.on_data = [this](Connection& connection, Buffer buffer) {
      connection.send(buffer.bytes());
      kept_.push_back(std::move(buffer));
    };
  }
  void let_go(WorkerThread& server) {
    server.on_worker([this](Worker&) { kept_.clear(); });
  }
  void keep_no_more(WorkerThread& server, CheckedHandler& handler) {
    server.on_worker([&](Worker&) {
      kept_.clear();
      handler.on_data = nullptr;
    });
  }

 private:
  std::deque<Buffer> kept_;
};

TEST_P(BuffersTest, with_four_buffers_two_hundred_connections_all_finish) {
  CheckedHandler handler;
  WorkerThread server(few_buffers(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 200; ++i) {
    exchange.add(server.connect(), {.stream = i,
                                    .bytes = 40'000 + 11 * i,
                                    .write_max = 9000,
                                    .reading = i % 2 == 0 ? Reading::kEager : Reading::kWhenFull});
  }
  exchange.run();
}

TEST_P(BuffersTest, who_waits_for_a_buffer_is_not_overtaken) {
  constexpr std::size_t kClients = 16;
  constexpr int kBytes = 128 << 10;
  CheckedHandler handler;
  std::map<Connection*, std::size_t> received;
  handler.on_data = [&](Connection& connection, Buffer buffer) {
    received[&connection] += buffer.size();
  };
  const auto worker = make_worker(few_buffers());
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(TestClient::connect(worker->address_of(*listener), {.send_buffer = kBytes}));
    clients.back().send_all(std::string(kBytes, 'x'));
  }
  while (handler.received_bytes < kClients * kBytes / 2)
    worker->turn(std::chrono::milliseconds(10));
  EXPECT_EQ(received.size(), kClients);
  for (const auto& [connection, bytes] : received) EXPECT_GE(bytes, std::size_t{kBytes / 8});
}

TEST_P(BuffersTest, the_least_pool_there_can_be_serves_everyone) {
  WorkerOptions least = options();
  least.laboratory.buffer_bytes = 64;
  least.laboratory.buffer_count_max = 2;
  CheckedHandler handler;
  WorkerThread server(least, handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 50; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = 5000, .write_max = 1000});
  }
  exchange.run();
}

TEST_P(BuffersTest, peers_that_never_read_keep_no_buffer_from_the_others) {
  CheckedHandler handler;
  WorkerThread server(few_buffers(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 50; ++i) {
    auto client = server.connect({.receive_buffer = 16384, .send_buffer = 4096});
    exchange.add(std::move(client), {.stream = i, .bytes = 4'000'000, .reading = Reading::kNever});
  }
  exchange.run_until_still();
  for (std::uint64_t i = 50; i < 100; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = 100'000});
  }
  exchange.run();
}

TEST_P(BuffersTest, who_waits_for_a_buffer_gets_one_when_a_program_lets_go) {
  CheckedHandler handler;
  Hoard hoard(handler);
  WorkerThread server(few_buffers(), handler);
  auto clients = clients_that_say(server, "buffer, please");
  const bool all_served = eventually([&] {
    hoard.let_go(server);
    return handler.received_bytes == 20 * 14;
  });
  hoard.keep_no_more(server, handler);
  ASSERT_TRUE(all_served);
  for (auto& client : clients) EXPECT_EQ(client.receive_text(14), "buffer, please");
}

TEST_P(BuffersTest, a_pool_that_is_leased_out_is_waited_for_without_spinning) {
  CheckedHandler handler;
  Hoard hoard(handler);
  WorkerThread server(few_buffers(), handler);
  auto clients = clients_that_say(server, "hello");
  EXPECT_TRUE(eventually([&] { return server.counters().buffer_stalls.get() > 0; }));
  const std::uint64_t before = server.counters().turns.get();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(server.counters().turns.get() - before, 100U);
  EXPECT_EQ(handler.closed_count, 0U) << "an empty pool closes nobody";
  hoard.keep_no_more(server, handler);
  for (auto& client : clients) EXPECT_EQ(client.receive_text(5), "hello");
}

TEST_P(BuffersTest, one_that_ends_while_it_waits_for_a_buffer_is_closed) {
  CheckedHandler handler;
  Hoard hoard(handler);
  WorkerThread server(few_buffers(), handler);
  auto clients = clients_that_say(server, "hello");
  EXPECT_TRUE(eventually([&] { return server.counters().buffer_stalls.get() > 0; }));
  for (auto& client : clients) client.reset();
  hoard.keep_no_more(server, handler);
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 20; }))
      << handler.closed_count << " of " << handler.opened_count << " were closed";
}

TEST_P(BuffersTest, bytes_leave_in_the_order_of_the_calls_leased_or_copied) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer buffer) {
    const std::string head = "<" + std::to_string(buffer.size()) + ":";
    connection.send(as_bytes(head));
    connection.send(std::move(buffer));
    connection.send(as_bytes(">"));
  };
  WorkerThread server(options(), handler);

  auto client = server.connect({.receive_buffer = 16384});
  std::string expected_payload;
  for (int i = 0; i < 3000; ++i) expected_payload += std::to_string(i) + ",";
  client.send_all(expected_payload);
  client.half_close();
  const auto bytes = client.receive_until_end();
  std::string_view rest{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  std::string payload;
  while (!rest.empty()) {
    ASSERT_EQ(rest[0], '<');
    const std::size_t colon = rest.find(':');
    ASSERT_NE(colon, std::string_view::npos);
    const std::size_t size = std::stoul(std::string(rest.substr(1, colon - 1)));
    ASSERT_LT(colon + 1 + size, rest.size());
    payload += rest.substr(colon + 1, size);
    ASSERT_EQ(rest[colon + 1 + size], '>');
    rest.remove_prefix(colon + size + 2);
  }
  EXPECT_EQ(payload, expected_payload);
}

TEST_P(BuffersTest, leases_may_be_kept_and_sent_later_in_any_order) {
  std::deque<Buffer> kept;
  CheckedHandler handler;
  handler.on_data = [&](Connection&, Buffer buffer) { kept.push_back(std::move(buffer)); };
  handler.on_ended = [&](Connection& connection) {
    while (!kept.empty()) {
      connection.send(std::move(kept.front()));
      kept.pop_front();
      connection.send(std::span<const std::byte>{});  // nothing is nothing
    }
    connection.finish();
  };
  WorkerThread server(options(), handler);
  run_stream(server.address(), {.stream = 1, .bytes = 300'000, .write_max = 5000});
}

TEST_P(BuffersTest, a_lease_may_be_cut_and_changed_before_it_is_sent) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer buffer) {
    buffer.remove_prefix(2);
    buffer.truncate(5);
    for (std::byte& letter : buffer.writable()) letter ^= std::byte{0x20};  // the other case
    connection.send(std::move(buffer));
  };
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.send_all("--hello--");
  EXPECT_EQ(client.receive_text(5), "HELLO");
}

TEST_P(BuffersTest, cutting_a_lease_stops_at_its_ends) {
  std::atomic<bool> right{false};
  CheckedHandler handler;
  handler.on_data = [&](Connection& connection, Buffer buffer) {
    const std::size_t size = buffer.size();
    buffer.truncate(size + 100);
    const bool kept = buffer.size() == size;
    buffer.remove_prefix(size + 100);
    right = kept && buffer.empty() && buffer.bytes().empty();
    connection.send(std::move(buffer));
    connection.send(as_bytes("done"));
  };
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_text(4), "done");
  EXPECT_TRUE(right);
}

TEST_P(BuffersTest, a_lease_of_one_connection_may_be_sent_on_another) {
  std::vector<Connection*> pair;
  CheckedHandler handler;
  handler.on_opened = [&](Connection& connection) { pair.push_back(&connection); };
  handler.on_data = [&](Connection& connection, Buffer buffer) {
    (&connection == pair[0] ? pair[1] : pair[0])->send(std::move(buffer));
  };
  handler.on_ended = [&](Connection& connection) {
    (&connection == pair[0] ? pair[1] : pair[0])->finish();
  };
  WorkerThread server(options(), handler);
  auto left = server.connect();
  auto right = server.connect();
  ASSERT_TRUE(eventually([&] { return handler.opened_count == 2; }));

  std::thread writer([&] {
    left.send_all(make_pattern(1, 0, 3'000'000));
    left.half_close();
  });
  const auto bytes = right.receive_until_end();
  writer.join();
  EXPECT_EQ(bytes.size(), 3'000'000U);
  EXPECT_EQ(check_pattern(1, 0, bytes), "");
}

OURO_ON_ENGINES(BuffersTest);

}  // namespace
}  // namespace ouro::test
