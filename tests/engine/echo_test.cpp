// What a client gets back is what it sent, byte for byte, in every mode of both engines.
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

// One message, sent whole and awaited whole.
StreamPlan message_of(std::size_t size, std::uint64_t stream) {
  return {.stream = stream, .bytes = size, .write_max = size, .read_max = size};
}

class EchoTest : public EngineTest {};

TEST_P(EchoTest, messages_around_the_buffer_size_come_back_unchanged) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, 4 * kKiB - 1, 4 * kKiB,
                                 4 * kKiB + 1, 64 * kKiB - 1, 64 * kKiB, 64 * kKiB + 1, kMiB}) {
    SCOPED_TRACE(size);
    run_stream(server.address(), message_of(size, size));
  }
}

TEST_P(EchoTest, request_and_response_alternate_on_one_connection) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  for (const std::size_t size : {std::size_t{1}, kKiB, 64 * kKiB}) {
    SCOPED_TRACE(size);
    run_stream(server.address(), {.stream = size,
                                  .bytes = 50 * size,
                                  .write_max = size,
                                  .read_max = size,
                                  .in_flight_max = size});
  }
}

TEST_P(EchoTest, pipelined_messages_come_back_in_order) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto client = server.connect();
  const auto bytes = make_pattern(1, 0, 100'000);
  for (std::size_t i = 0; i < bytes.size(); i += 100) {
    client.send_all(std::span(bytes).subspan(i, 100));
  }
  EXPECT_EQ(check_pattern(1, 0, client.receive_exactly(bytes.size())), "");
}

// A multishot receive that begins at an urgent byte while the worker has a signal or task work
// pending is told "nothing there" by TCP, and then waits for an edge: the kernel keeps those bytes
// until more arrive. So on io_uring more arrive here.
TEST_P(EchoTest, what_is_sent_as_urgent_comes_back_in_its_place) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto client = server.connect();
  server.on_worker([&](Worker&) {  // it finds all of it at once
    client.send_all("before ");
    ASSERT_EQ(::send(client.fd(), "!", 1, MSG_OOB), 1);
    client.send_all(" after");
  });
  std::string sent = "before ! after";
  std::string back;
  const std::size_t enough = sent.size();
  EXPECT_TRUE(eventually([&] {
    if (is_uring()) client.send_all(".");
    if (is_uring()) sent += '.';
    std::array<std::byte, 100> piece;
    const std::size_t count = client.try_receive(piece).value_or(0);
    back.append(reinterpret_cast<const char*>(piece.data()), count);
    return back.size() >= enough;
  }));
  EXPECT_EQ(back, sent.substr(0, back.size()));
}

TEST_P(EchoTest, single_bytes_are_not_lost) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  run_stream(server.address(), {.stream = 3, .bytes = 2000, .write_max = 1, .read_max = 1});
}

TEST_P(EchoTest, writes_and_reads_of_random_size_change_nothing) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 8; ++i) {
    exchange.add(server.connect(), {.stream = i,
                                    .bytes = 300'000 + 77'777 * i,
                                    .write_max = i % 2 == 0 ? 100'000U : 3000U,
                                    .read_max = i % 3 == 0 ? 1000U : 200'000U});
  }
  exchange.run();
}

TEST_P(EchoTest, small_socket_buffers_make_sends_short_and_lose_nothing) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 6; ++i) {
    // For sending, the least there is; for receiving more, or loopback's large segments never fit.
    auto client = server.connect({.receive_buffer = 65536, .send_buffer = i % 2 == 0 ? 1 : 65536});
    exchange.add(
        std::move(client),
        {.stream = i, .bytes = i % 2 == 0 ? 100'000 : plenty() / 2, .reading = Reading::kWhenFull});
  }
  exchange.run();
  const bool zero_copy = GetParam().laboratory.zero_copy == ZeroCopy::kOn;
  EXPECT_TRUE(zero_copy || server.counters().short_sends.get() > 0) << "the buffers were large";
}

TEST_P(EchoTest, every_connection_gets_its_own_bytes_and_no_others) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 200; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = 10'000 + 7 * i, .write_max = 5000});
  }
  exchange.run();
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 200; }));
  EXPECT_EQ(handler.closed_with(Errc::kNone), 200U);
}

OURO_ON_VARIANTS(EchoTest);

// What takes longer, or does not depend on how bytes are received.
class LargeEchoTest : public EngineTest {};

TEST_P(LargeEchoTest, a_message_of_64_mib_comes_back_unchanged) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  run_stream(server.address(),
             {.stream = 64, .bytes = 64 * kMiB, .write_max = kMiB, .read_max = kMiB});
  server.stop();
  EXPECT_EQ(server.counters().received_bytes.get(), 64 * kMiB);
  EXPECT_EQ(server.counters().sent_bytes.get(), 64 * kMiB);
}

TEST_P(LargeEchoTest, a_thousand_connections_at_once_are_all_served) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = 2000, .write_max = 600});
  }
  exchange.run();
}

// Everything comes while the worker is away, so that completions of thousands wait at once.
TEST_P(LargeEchoTest, a_burst_larger_than_any_queue_loses_nothing) {
  constexpr std::size_t kClients = 5000;
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(server.connect());
  ASSERT_TRUE(eventually([&] { return handler.opened_count == kClients; }));
  for (int round = 0; round < 3; ++round) {
    server.on_worker([&](Worker&) {
      for (std::size_t i = 0; i < kClients; ++i) clients[i].send_all(make_pattern(i, 0, 100));
    });
    for (std::size_t i = 0; i < kClients; ++i) {
      ASSERT_EQ(check_pattern(i, 0, clients[i].receive_exactly(100)), "");
    }
  }
}

TEST_P(LargeEchoTest, several_pipelining_connections_share_one_worker) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 4; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = 4 * kMiB, .reading = Reading::kWhenFull});
  }
  for (std::uint64_t i = 4; i < 20; ++i) {
    exchange.add(server.connect(),
                 {.stream = i, .bytes = 256 * 200, .write_max = 256, .in_flight_max = 256});
  }
  exchange.run();
}

TEST_P(LargeEchoTest, ipv6_and_unix_sockets_carry_the_same_bytes) {
  for (const Address& address : {loopback(), loopback_v6(), fresh_unix_address()}) {
    SCOPED_TRACE(address.to_string());
    CheckedHandler handler;
    WorkerThread server(options(), handler, address);
    Exchange exchange;
    for (std::uint64_t i = 0; i < 20; ++i) {
      exchange.add(server.connect(),
                   {.stream = i,
                    .bytes = 200'000,
                    .write_max = 70'000,
                    .reading = i % 2 == 0 ? Reading::kEager : Reading::kWhenFull});
    }
    exchange.run();
    EXPECT_TRUE(eventually([&] { return handler.closed_with(Errc::kNone) == 20; }));
  }
}

TEST_P(LargeEchoTest, a_slow_reader_does_not_delay_others) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 20; ++i) {
    auto client = server.connect({.receive_buffer = 16384, .send_buffer = 4096});
    exchange.add(std::move(client), {.stream = i, .bytes = 8 * kMiB, .reading = Reading::kNever});
  }
  exchange.run_until_still();
  for (std::uint64_t i = 20; i < 40; ++i) {
    exchange.add(server.connect(), {.stream = i, .bytes = kMiB});
  }
  exchange.run();
  EXPECT_EQ(handler.closed_with(Errc::kNone), handler.closed_count);
}

OURO_ON_ENGINES(LargeEchoTest);

}  // namespace
}  // namespace ouro::test
