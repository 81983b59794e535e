#include "host/heartbeat.h"

#include <gtest/gtest.h>

namespace ouro::host {
namespace {

using Finding = Heartbeat::Finding;

// The moment of the n-th check.
constexpr std::uint64_t at(std::uint64_t check) {
  return check * std::chrono::nanoseconds(Heartbeat::kCheckEvery).count();
}

TEST(Heartbeat, a_busy_child_is_left_alone) {
  Heartbeat heart(std::chrono::seconds{10});
  for (std::uint64_t i = 1; i < 100; ++i) EXPECT_EQ(heart.check(at(i), i), Finding::kFine);
}

TEST(Heartbeat, an_idle_child_that_answers_pings_is_fine) {
  Heartbeat heart(std::chrono::seconds{10});
  std::uint64_t turns = 1;
  EXPECT_EQ(heart.check(at(1), turns), Finding::kFine);
  for (std::uint64_t i = 2; i < 100; i += 2) {
    EXPECT_EQ(heart.check(at(i), turns), Finding::kPing);
    EXPECT_EQ(heart.check(at(i + 1), ++turns), Finding::kFine);
  }
}

TEST(Heartbeat, a_ping_that_is_not_answered_at_the_second_look_means_hung_and_is_told_once) {
  Heartbeat heart(std::chrono::seconds{10});
  EXPECT_EQ(heart.check(at(1), 7), Finding::kFine);
  EXPECT_EQ(heart.check(at(2), 7), Finding::kPing);
  EXPECT_EQ(heart.check(at(3), 7), Finding::kFine);
  EXPECT_EQ(heart.check(at(4), 7), Finding::kHung);
  EXPECT_NE(heart.check(at(5), 7), Finding::kHung);
}

// On a busy machine a turn can last so long that a second ping is read in it, with the first.
TEST(Heartbeat, a_ping_that_was_lost_is_followed_by_others_ever_more_slowly) {
  Heartbeat heart(std::chrono::seconds{0});
  (void)heart.check(at(1), 7);
  EXPECT_EQ(heart.check(at(2), 7), Finding::kPing);
  int pings = 0;
  for (std::uint64_t i = 3; i < 72'000; ++i) {  // an hour
    const Finding finding = heart.check(at(i), 7);
    pings += finding == Finding::kPing ? 1 : 0;
    if (i == 5) {
      EXPECT_EQ(finding, Finding::kPing);
    }
  }
  EXPECT_GE(pings, 10);
  EXPECT_LE(pings, 20);
}

TEST(Heartbeat, one_that_moves_again_has_recovered) {
  Heartbeat heart(std::chrono::seconds{10});
  for (std::uint64_t i = 1; i < 4; ++i) (void)heart.check(at(i), 7);
  ASSERT_EQ(heart.check(at(4), 7), Finding::kHung);
  EXPECT_EQ(heart.check(at(5), 8), Finding::kRecovered);
  EXPECT_EQ(heart.check(at(6), 9), Finding::kFine);
}

TEST(Heartbeat, one_that_never_moves_again_is_lost) {
  Heartbeat heart(std::chrono::seconds{10});
  for (std::uint64_t i = 1; i < 5; ++i) (void)heart.check(at(i), 7);
  const std::uint64_t pinged = at(2);
  EXPECT_NE(heart.check(pinged + 9'999'999'999, 7), Finding::kLost);
  EXPECT_EQ(heart.check(pinged + 10'000'000'000, 7), Finding::kLost);
}

TEST(Heartbeat, without_a_watchdog_nobody_is_lost) {
  Heartbeat heart(std::chrono::seconds{0});
  (void)heart.check(at(1), 7);
  (void)heart.check(at(2), 7);
  EXPECT_EQ(heart.check(at(20'000), 7), Finding::kHung);
  EXPECT_NE(heart.check(at(40'000), 7), Finding::kLost);
}

}  // namespace
}  // namespace ouro::host
