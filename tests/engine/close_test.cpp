// How connections end: close(), abort(), and cuts from the other side.
#include <set>
#include <string>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

class CloseTest : public EngineTest {};

TEST_P(CloseTest, close_loses_no_sent_byte_while_unread_data_keeps_coming) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a fixed file is closed as a whole";
  constexpr std::size_t kSize = 200'000;
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer) {
    connection.send(make_pattern(1, 0, kSize));
    connection.close();
  };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.send_all(make_pattern(2, 0, 300'000));  // more than the server will ever look at
  // Only when the server is through with its part do we read: a close with something unread
  // would have become a reset by now, and taken with it what waits in the kernel.
  EXPECT_TRUE(eventually([&] { return server.counters().sent_bytes.get() == kSize; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto bytes = client.receive_until_end();
  EXPECT_EQ(bytes.size(), kSize);
  EXPECT_EQ(check_pattern(1, 0, bytes), "");
  client.close();
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 1; }));
  EXPECT_EQ(handler.data_count, 1U) << "data() came after close()";
}

TEST_P(CloseTest, close_ends_cleanly_when_the_peer_does) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer buffer) {
    connection.send(std::move(buffer));
    connection.close();
  };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.send_all("goodbye");
  EXPECT_EQ(client.receive_until_end().size(), 7U);
  client.close();
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 1; }));
}

TEST_P(CloseTest, close_does_not_wait_for_ever_for_a_peer_that_stays) {
  CheckedHandler handler;
  handler.on_opened = [](Connection& connection) { connection.close(); };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  EXPECT_EQ(client.wait_for_end(), Ending::kFin);
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 1; }));
  EXPECT_EQ(server.counters().connections_open.get(), 0U);
}

TEST_P(CloseTest, abort_sends_a_reset_and_gives_its_reason) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a fixed file is closed as a whole";
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer) { connection.abort(Errc::kInvalid); };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  client.send_all("nonsense");
  EXPECT_EQ(client.wait_for_end(), Ending::kReset);
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kInvalid) == 1; }));
  server.stop();
  EXPECT_EQ(server.counters().connections_cut.get(), 1U);
}

TEST_P(CloseTest, abort_ends_at_once_even_with_bytes_unsent) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a fixed file is closed as a whole";
  CheckedHandler handler;
  handler.on_opened = [](Connection& connection) {
    connection.send(make_pattern(1, 0, 10'000'000));
    connection.abort();
  };
  WorkerThread server(options(), handler);

  auto client = server.connect();
  EXPECT_EQ(client.wait_for_end(), Ending::kReset);
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kAborted) == 1; }));
  server.stop();
  EXPECT_EQ(server.counters().unsent_bytes.get(), 0U);
}

TEST_P(CloseTest, a_reset_by_the_peer_touches_no_other_connection) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const bool good = i % 3 == 0;
    exchange.add(server.connect(), {.stream = i,
                                    .bytes = good ? 400'000 : 5'000 * i,
                                    .write_max = 20'000,
                                    .reading = i % 3 == 1 ? Reading::kWhenFull : Reading::kEager,
                                    .finish = good ? Finish::kHalfClose : Finish::kReset});
  }
  exchange.run();
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 60; }));
  EXPECT_EQ(handler.closed_with(Errc::kNone), 20U);
  EXPECT_EQ(handler.closed_with(Errc::kReset), 40U);
  server.stop();
  EXPECT_EQ(server.counters().connections_reset.get(), 40U);
  EXPECT_EQ(server.counters().connections_open.get(), 0U);
}

TEST_P(CloseTest, closed_comes_once_and_last_however_a_connection_ends) {
  CheckedHandler handler;  // which reports a second or a missing call
  handler.on_data = [](Connection& connection, Buffer buffer) {
    switch (std::to_integer<char>(buffer.bytes()[0])) {
      case 'f':
        connection.finish();
        break;
      case 'c':
        connection.close();
        break;
      case 'a':
        connection.abort();
        break;
      case 'b':  // everything at once, in the order a confused program might use
        connection.finish();
        connection.close();
        connection.abort();
        connection.close();
        connection.abort();
        break;
      default:
        connection.send(std::move(buffer));
    }
  };
  WorkerThread server(options(), handler);

  for (const char* order : {"f", "c", "a", "b", "echo"}) {
    for (int ending = 0; ending < 3; ++ending) {
      auto client = server.connect();
      client.send_all(order);
      if (ending == 0) client.close();
      if (ending == 1) client.reset();
      if (ending == 2) client.half_close();
    }
  }
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 15; }));
  EXPECT_EQ(handler.opened_count, 15U);
}

TEST_P(CloseTest, every_call_may_end_its_connection) {
  constexpr std::size_t kSize = 8'000'000;
  for (const char* where : {"opened", "data", "drained", "ended"}) {
    SCOPED_TRACE(where);
    CheckedHandler handler;
    const auto cut_if = [where](const char* here) {
      return [cut = std::string(where) == here](Connection& connection) {
        if (cut) connection.abort(Errc::kCancelled);
      };
    };
    handler.on_opened = [&, cut = cut_if("opened")](Connection& connection) {
      cut(connection);
      connection.send(make_pattern(1, 0, kSize));  // above the window: drained() follows
    };
    handler.on_data = [cut = cut_if("data")](Connection& c, Buffer) { cut(c); };
    handler.on_drained = cut_if("drained");
    handler.on_ended = cut_if("ended");
    WorkerThread server(options(), handler);
    auto client = server.connect();
    try {
      (void)client.receive_exactly(kSize);
      client.send_all("data");
      client.half_close();
    } catch (const ClientError&) {  // cut on the way: what the test is about
    }
    EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kCancelled) == 1; }));
  }
}

TEST_P(CloseTest, one_connection_may_cut_another) {
  if (ends_as_a_whole()) GTEST_SKIP() << "a fixed file is closed as a whole";
  std::set<Connection*> open;
  CheckedHandler handler;
  handler.on_opened = [&](Connection& connection) { open.insert(&connection); };
  handler.on_closed = [&](Connection& connection, Errc) { open.erase(&connection); };
  handler.on_data = [&](Connection& connection, Buffer buffer) {
    for (Connection* other : open) {
      if (other != &connection) other->abort();
    }
    connection.send(std::move(buffer));
  };
  WorkerThread server(options(), handler);
  std::vector<TestClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(server.connect());
  ASSERT_TRUE(eventually([&] { return handler.opened_count == 20; }));

  clients[7].send_all("alone");
  EXPECT_EQ(clients[7].receive_text(5), "alone");
  EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kAborted) == 19; }));
  clients.erase(clients.begin() + 7);
  for (auto& client : clients) EXPECT_EQ(client.wait_for_end(), Ending::kReset);
}

TEST_P(CloseTest, a_worker_may_be_destroyed_with_everything_under_way) {
  CheckedHandler handler;
  std::vector<TestClient> clients;
  {
    WorkerThread server(options(), handler);
    for (int i = 0; i < 50; ++i) {
      clients.push_back(server.connect());
      (void)clients.back().try_send(make_pattern(1, 0, 1'000'000));
    }
    ASSERT_TRUE(eventually([&] { return handler.received_bytes > 1'000'000; }));
  }
  for (auto& client : clients) (void)client.wait_for_end();
}

OURO_ON_LIFECYCLES(CloseTest);

}  // namespace
}  // namespace ouro::test
