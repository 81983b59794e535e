// Turns are short and shared: what one connection asks for does not keep another waiting.
#include <map>
#include <string>
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

constexpr int kStreams = 8;
constexpr int kQueued = 400'000;  // of each stream, sent before the first turn

// Eight streams with plenty to read, and who knows how much of each was.
class FairnessTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    handler_.on_data = [this](Connection& connection, Buffer buffer) {
      received_[&connection] += buffer.size();
      connection.send(buffer.bytes().first(1));
    };
    worker_ = make_worker();
    const auto listener = worker_->listen(loopback(), handler_);
    ASSERT_TRUE(listener);
    const Address address = worker_->address_of(*listener);
    for (int i = 0; i < kStreams; ++i) {
      streams_.push_back(TestClient::connect(address, {.send_buffer = kQueued}));
      (void)streams_.back().try_send(std::vector<std::byte>(kQueued));
    }
    asking_ = TestClient::connect(address);
  }
  void TearDown() override {
    worker_ = nullptr;
    EngineTest::TearDown();
  }

  // One turn, at the beginning of which a small request waits too; the bytes that it received.
  std::uint64_t turn_with_a_request() {
    const std::uint64_t before = handler_.received_bytes;
    asking_.send_all("request");
    worker_->turn(std::chrono::milliseconds(10));
    return handler_.received_bytes - before;
  }

  CheckedHandler handler_;
  std::unique_ptr<Worker> worker_;
  std::vector<TestClient> streams_;
  TestClient asking_;
  std::map<Connection*, std::uint64_t> received_;
};

TEST_P(FairnessTest, a_turn_with_small_requests_serves_few_streams) {
  for (int i = 0; i < 10; ++i) (void)turn_with_a_request();  // it sees what it has to do with
  constexpr std::uint64_t kCredit = 16u << 10;
  std::uint64_t sum = 0;
  for (int i = 0; i < 20; ++i) sum += turn_with_a_request();
  EXPECT_LE(sum, 20 * 2 * kCredit);
  EXPECT_GE(sum, 20 * kCredit / 2);
}

TEST_P(FairnessTest, streams_take_turns) {
  while (handler_.received_bytes < 2'000'000) (void)turn_with_a_request();
  EXPECT_EQ(received_.size(), kStreams + 1U);
  int served = 0;
  for (const auto& [connection, bytes] : received_) served += bytes >= 60'000 ? 1 : 0;
  EXPECT_EQ(served, kStreams);
}

OURO_ON_ENGINES(FairnessTest);

}  // namespace
}  // namespace ouro::test
