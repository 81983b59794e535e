// The data plane takes nothing from the heap: once warm, echoes allocate not a single byte.
#include <cstdlib>

#include "ouro/ouro.h"
#include "support/allocation_counter.h"
#include "support/client.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

// A plain echo, because the checked one allocates.
class PlainEcho final : public Handler {
 public:
  void data(Connection& connection, Buffer buffer) override { connection.send(std::move(buffer)); }
};

// Echoes on the worker's own thread: both ends are connections of it, and every answer is the
// next question.
class PingPong final : public Handler {
 public:
  PingPong(std::uint64_t rounds, std::uint64_t warm_up) : rounds_(rounds), warm_up_(warm_up) {}

  void opened(Connection& connection) override { connection.send(as_bytes("ping")); }
  void data(Connection& connection, Buffer buffer) override {
    ++count_;
    if (count_ == warm_up_) at_start_ = allocations_of_this_thread();
    if (count_ == rounds_) {
      at_end_ = allocations_of_this_thread();
      connection.worker().stop();
    }
    connection.send(std::move(buffer));
  }
  [[nodiscard]] std::uint64_t allocations() const { return at_end_ - at_start_; }

 private:
  std::uint64_t rounds_;
  std::uint64_t warm_up_;
  std::uint64_t count_ = 0;
  std::uint64_t at_start_ = 0;
  std::uint64_t at_end_ = 0;
};

class AllocationTest : public EngineTest {};

TEST_P(AllocationTest, a_hundred_thousand_echoes_take_nothing_from_the_heap) {
  PlainEcho echo;
  PingPong program(110'000, 10'000);
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), echo);
  ASSERT_TRUE(listener);
  const Address self = worker->address_of(*listener);
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(worker->connect(self, program));
  worker->run();
  EXPECT_EQ(program.allocations(), 0U);
}

TEST_P(AllocationTest, the_counter_counts) {
  const std::uint64_t before = allocations_of_this_thread();
  void* volatile memory = std::malloc(100);  // volatile, or the compiler sees that it is unused
  std::free(memory);
  EXPECT_GT(allocations_of_this_thread(), before);
}

// Streams with windows that fill and empty: what peers have not taken comes from a pool too.
TEST_P(AllocationTest, a_long_stream_with_stalls_takes_no_more_than_a_short_one) {
  PlainEcho echo;
  WorkerThread server(options(), echo);
  const auto allocations_now = [&] {
    std::uint64_t count = 0;
    server.on_worker([&](Worker&) { count = allocations_of_this_thread(); });
    return count;
  };
  const auto stream = [&](std::uint64_t bytes) {
    const std::uint64_t before = allocations_now();
    run_stream(server.address(), {.stream = 1, .bytes = bytes, .reading = Reading::kWhenFull},
               {.receive_buffer = 16384});
    return allocations_now() - before;
  };
  (void)stream(8'000'000);  // warms up
  EXPECT_LE(stream(32'000'000), stream(1'000'000) + 4);
}

OURO_ON_ENGINES(AllocationTest);

}  // namespace
}  // namespace ouro::test
