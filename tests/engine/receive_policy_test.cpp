// What is asked for next, and how many buffers the kernel is lent for it.
#include "engine/receive_policy.h"

#include <gtest/gtest.h>

#include "engine/uring_buffers.h"
#include "os/features.h"
#include "os/ring.h"

namespace ouro::engine {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr ReceiveHistory kSmallMessages{};
constexpr ReceiveHistory kStream{.streaming = true, .large = true};

ReceivePolicy limited_policy(std::size_t window) {
  BackendTraits traits;
  traits.multishot_receive = traits.receive_limit = true;
  return {LaboratoryOptions{}, traits, window};
}

TEST(ReceivePolicyTest, small_messages_get_a_lasting_receive_though_one_is_being_answered) {
  for (const std::size_t window : {16 * kKiB, 64 * kKiB, 256 * kKiB}) {
    const ReceiveRequest request = limited_policy(window).request(kSmallMessages, kKiB, window);
    EXPECT_TRUE(request.multishot) << window;
    EXPECT_GE(request.credit, 4 * kKiB) << window;
    // It may bring up to twice its credit.
    EXPECT_LE(kKiB + std::size_t{request.credit} * 2, window) << window;
  }
}

TEST(ReceivePolicyTest, a_stream_is_not_received_in_remnants_of_its_window) {
  const std::size_t window = 64 * kKiB;
  const ReceivePolicy policy = limited_policy(window);
  EXPECT_EQ(policy.request(kStream, 0, window).credit, 60 * kKiB);
  EXPECT_EQ(policy.request(kStream, 60 * kKiB, window).credit, 0U);
  EXPECT_EQ(policy.request(kStream, 33 * kKiB, window).credit, 0U);
  EXPECT_EQ(policy.request(kStream, 32 * kKiB, window).credit, 32 * kKiB);
  EXPECT_GT(policy.request(kStream, 0, 1).credit, 0U) << "whoever has nothing unsent may receive";
}

TEST(ReceivePolicyTest, what_is_left_of_a_large_message_is_no_request_to_make_way_for) {
  ReceivePolicy policy = limited_policy(64 * kKiB);
  const std::uint32_t unhurried = policy.streams_per_turn();
  ReceiveHistory stream;
  for (int i = 0; i < 10; ++i) {
    policy.begin_turn();
    (void)policy.learn(stream, 60 * kKiB);
    (void)policy.learn(stream, 53);
  }
  policy.begin_turn();
  EXPECT_EQ(policy.streams_per_turn(), unhurried);
  ReceiveHistory requests;
  (void)policy.learn(requests, 53);
  (void)policy.learn(stream, 60 * kKiB);
  policy.begin_turn();
  EXPECT_LT(policy.streams_per_turn(), unhurried);
}

// A ring of buffers, and a kernel that fills them in the order in which they were made.
class UringBuffersTest : public testing::Test {
 protected:
  void SetUp() override {
    const os::Features features = os::probe_features();
    auto ring = os::Ring::create({}, features);
    if (!ring) GTEST_SKIP() << ring.error().what;
    ring_ = std::move(*ring);
    ASSERT_TRUE(buffers_.register_with(ring_->raw(), 0));
    buffers_.refill();
  }
  void TearDown() override { ring_.reset(); }

  // A turn that fills so many buffers with so much, and gives them all back.
  void turn(std::size_t count, std::uint32_t bytes) {
    std::vector<detail::Block*> filled;
    for (std::uint32_t i = 0; filled.size() < count; ++i) {
      if (buffers_.pool().at(i)->owner != detail::BlockOwner::kKernel) continue;
      filled.push_back(buffers_.filled(i, bytes));
    }
    for (detail::Block* block : filled) detail::release(block);
    buffers_.refill();
  }

  UringBuffers buffers_{60 * kKiB, 512};
  std::unique_ptr<os::Ring> ring_;
};

TEST_F(UringBuffersTest, streams_are_lent_few_buffers_that_stay_in_the_cache) {
  for (int i = 0; i < 20; ++i) {
    buffers_.ran_dry();
    turn(8, 60 * kKiB);
    turn(1, 100);  // a small message among them changes nothing
  }
  EXPECT_LE(buffers_.pool().used(), 8U);
}

TEST_F(UringBuffersTest, small_messages_are_lent_twice_what_a_turn_has_used) {
  for (const std::size_t count : {8U, 16U, 32U, 64U, 128U}) turn(count, 1024);
  EXPECT_GE(buffers_.pool().used(), 256U);
  for (int i = 0; i < 200; ++i) turn(8, 60 * kKiB);
  EXPECT_LE(buffers_.pool().used(), 8U);
  for (int i = 0; i < 1000; ++i) turn(8, 100);
  EXPECT_GE(buffers_.pool().used(), 256U) << "the streams are long gone";
}

}  // namespace
}  // namespace ouro::engine
