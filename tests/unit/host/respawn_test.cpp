#include "host/respawn.h"

#include <gtest/gtest.h>

namespace ouro::host {
namespace {

using namespace std::chrono_literals;

TEST(Respawn, a_death_now_and_then_is_made_good_at_once) {
  Respawn respawn;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(respawn.died_after(1min), 0ms);
  EXPECT_FALSE(respawn.crash_looping());
}

TEST(Respawn, four_quick_deaths_are_forgiven) {
  Respawn respawn;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(respawn.died_after(10ms), 0ms);
}

TEST(Respawn, from_the_fifth_on_each_waits_twice_as_long_up_to_five_seconds) {
  Respawn respawn;
  for (int i = 0; i < 4; ++i) (void)respawn.died_after(10ms);
  EXPECT_EQ(respawn.died_after(10ms), 100ms);
  EXPECT_TRUE(respawn.crash_looping());
  EXPECT_EQ(respawn.died_after(10ms), 200ms);
  EXPECT_EQ(respawn.died_after(10ms), 400ms);
  for (int i = 0; i < 100; ++i) (void)respawn.died_after(10ms);
  EXPECT_EQ(respawn.died_after(10ms), 5s);
}

TEST(Respawn, one_that_lived_long_ends_the_loop) {
  Respawn respawn;
  for (int i = 0; i < 10; ++i) (void)respawn.died_after(10ms);
  EXPECT_EQ(respawn.died_after(10s), 0ms);
  EXPECT_FALSE(respawn.crash_looping());
}

}  // namespace
}  // namespace ouro::host
