#include "host/claims.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ouro::host {
namespace {

class ClaimsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (WorkerPage& page : pages()) page.state.store(ChildState::kLive);
  }
  std::span<WorkerPage> pages() { return shared_.workers(); }

  SharedPages shared_ = *SharedPages::create(3);
};

TEST_F(ClaimsTest, the_limit_is_over_all_workers) {
  Claims one(pages(), 0, 3);
  Claims two(pages(), 1, 3);
  EXPECT_TRUE(one.claim());
  EXPECT_TRUE(two.claim());
  EXPECT_TRUE(one.claim());
  EXPECT_FALSE(two.claim());
  EXPECT_EQ(total_claimed(pages()), 3u);
}

TEST_F(ClaimsTest, no_limit_still_counts) {
  Claims claims(pages(), 0, 0);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(claims.claim());
  EXPECT_EQ(total_claimed(pages()), 100u);
}

TEST_F(ClaimsTest, who_finds_no_place_is_marked_and_found_when_one_is_free) {
  Claims one(pages(), 0, 1);
  Claims two(pages(), 1, 1);
  ASSERT_TRUE(one.claim());
  EXPECT_EQ(one.next_waiting(), -1);
  EXPECT_FALSE(two.claim());
  one.unclaim();
  EXPECT_EQ(one.next_waiting(), 1);
  EXPECT_EQ(one.next_waiting(), -1);  // told once
  EXPECT_TRUE(two.claim());
}

TEST_F(ClaimsTest, those_who_wait_take_turns) {
  Claims one(pages(), 0, 1);
  for (WorkerPage& page : pages()) page.waiting.store(true);
  const int first = one.next_waiting();
  pages()[static_cast<unsigned>(first)].waiting.store(true);
  const int second = one.next_waiting();
  EXPECT_NE(first, second);
}

TEST_F(ClaimsTest, a_hung_worker_is_not_woken_in_vain) {
  pages()[1].waiting.store(true);
  pages()[1].state.store(ChildState::kHung);
  Claims one(pages(), 0, 1);
  EXPECT_EQ(one.next_waiting(), -1);
  EXPECT_TRUE(pages()[1].waiting.load());
}

TEST_F(ClaimsTest, a_connection_on_its_way_is_counted_once) {
  Claims one(pages(), 0, 2);
  Claims two(pages(), 1, 2);
  ASSERT_TRUE(one.claim());
  const std::uint32_t generation = one.give(1);
  EXPECT_EQ(total_claimed(pages()), 1u);
  EXPECT_EQ(pages()[1].load(), 1u);
  EXPECT_TRUE(two.take(1, generation, 1));
  EXPECT_EQ(total_claimed(pages()), 1u);
  EXPECT_EQ(pages()[1].claimed.load(), 1u);
}

TEST_F(ClaimsTest, the_places_of_a_dead_worker_are_free_and_are_not_freed_twice) {
  Claims one(pages(), 0, 4);
  Claims two(pages(), 1, 4);
  ASSERT_TRUE(one.claim());
  ASSERT_TRUE(two.claim());
  const std::uint32_t generation = one.give(1);
  pages()[1].forget_worker();
  EXPECT_EQ(total_claimed(pages()), 0u);
  // The one that was on its way turns up at whoever adopts the inbox, and needs a place.
  EXPECT_FALSE(one.take(1, generation, 1));
  EXPECT_EQ(total_claimed(pages()), 0u);
}

TEST_F(ClaimsTest, what_is_sent_after_the_death_counts_for_the_successor) {
  Claims one(pages(), 0, 4);
  pages()[1].forget_worker();
  ASSERT_TRUE(one.claim());
  const std::uint32_t generation = one.give(1);
  EXPECT_EQ(pages()[1].load(), 1u);
  EXPECT_TRUE(one.take(1, generation, 1));
  EXPECT_EQ(pages()[1].load(), 0u);
  EXPECT_EQ(pages()[0].load(), 1u);
}

// Served connections never exceed the limit, whatever claims, frees and hands over at once.
TEST_F(ClaimsTest, threads_never_hold_more_than_the_limit) {
  constexpr std::uint64_t kLimit = 5;
  constexpr int kRounds = 20'000;
  std::atomic<std::int64_t> held{0};
  std::atomic<std::int64_t> most{0};
  const auto work = [&](unsigned self) {
    Claims claims(pages(), self, kLimit);
    int mine = 0;
    for (int i = 0; i < kRounds; ++i) {
      if (mine < 4 && claims.claim()) {
        ++mine;
        const std::int64_t now = held.fetch_add(1) + 1;
        std::int64_t seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
      } else if (mine > 0) {
        const unsigned target = (self + 1) % 3;
        const std::uint32_t generation = claims.give(target);
        EXPECT_TRUE(claims.take(target, generation, 1));
        held.fetch_sub(1);
        --mine;
        claims.unclaim();
      }
    }
    for (; mine > 0; --mine) {
      held.fetch_sub(1);
      claims.unclaim();
    }
  };
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (unsigned self = 0; self < 3; ++self) threads.emplace_back(work, self);
  threads.clear();
  EXPECT_LE(most.load(), static_cast<std::int64_t>(kLimit));
  EXPECT_EQ(total_claimed(pages()), 0u);
}

}  // namespace
}  // namespace ouro::host
