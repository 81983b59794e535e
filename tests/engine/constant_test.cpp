// Bytes that are sent from where they lie arrive as they are, in order with what is copied.
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

class ConstantTest : public EngineTest {};

TEST_P(ConstantTest, constant_and_copied_bytes_arrive_in_the_order_of_the_calls) {
  const auto bytes = make_pattern(1, 0, 300 * kKiB);
  CheckedHandler handler;
  handler.on_data = [&bytes](Connection& connection, Buffer) {
    const std::span<const std::byte> all(bytes);
    bool copy = false;
    for (std::size_t at = 0; at < all.size(); at += 1000, copy = !copy) {
      const auto piece = all.subspan(at, std::min<std::size_t>(1000, all.size() - at));
      copy ? connection.send(piece) : connection.send_constant(piece);
    }
    connection.finish();
  };
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.send_all("give");
  EXPECT_EQ(check_pattern(1, 0, client.receive_exactly(bytes.size())), "");
  EXPECT_TRUE(client.receive_until_end().empty());
}

TEST_P(ConstantTest, what_a_slow_peer_has_not_taken_costs_no_memory) {
  const auto bytes = make_pattern(2, 0, 64 * kMiB);
  CheckedHandler handler;
  handler.on_data = [&bytes](Connection& connection, Buffer) { connection.send_constant(bytes); };
  WorkerThread server(options(), handler);
  auto client = server.connect({.receive_buffer = 16384});
  client.send_all("give");
  EXPECT_EQ(check_pattern(2, 0, client.receive_exactly(kMiB)), "");
  EXPECT_LE(server.counters().unsent_bytes.get(), kMiB);
  EXPECT_EQ(check_pattern(2, kMiB, client.receive_exactly(63 * kMiB)), "");
}

TEST_P(ConstantTest, who_leaves_in_the_middle_leaves_nothing_behind) {
  const auto bytes = make_pattern(3, 0, 16 * kMiB);
  CheckedHandler handler;
  handler.on_data = [&bytes](Connection& connection, Buffer) { connection.send_constant(bytes); };
  WorkerThread server(options(), handler);
  for (int i = 0; i < 20; ++i) {
    auto client = server.connect({.receive_buffer = 16384});
    client.send_all("give");
    EXPECT_EQ(check_pattern(3, 0, client.receive_exactly(kKiB)), "");
  }
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 20; }));
}

OURO_ON_VARIANTS(ConstantTest);

}  // namespace
}  // namespace ouro::test
