#include "host/adoption.h"

#include <gtest/gtest.h>

#include <vector>

namespace ouro::host {
namespace {

constexpr ChildState kLive = ChildState::kLive;
constexpr ChildState kDown = ChildState::kDown;
constexpr ChildState kHung = ChildState::kHung;

using Looks = std::vector<Adoption::Look>;

TEST(Adoption, nobody_adopts_while_all_are_well) {
  Adoption adoption(2);
  EXPECT_TRUE(adoption.settle(Looks{{kLive, 1}, {kLive, 9}}).empty());
}

TEST(Adoption, the_least_loaded_looks_after_a_dead_worker) {
  Adoption adoption(3);
  const auto orders = adoption.settle(Looks{{kLive, 9}, {kDown, 0}, {kLive, 3}});
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_TRUE(orders[0].adopt);
  EXPECT_EQ(orders[0].adopter, 2u);
  EXPECT_EQ(orders[0].of, 1u);
}

TEST(Adoption, it_is_said_once) {
  Adoption adoption(2);
  (void)adoption.settle(Looks{{kLive, 0}, {kHung, 0}});
  EXPECT_TRUE(adoption.settle(Looks{{kLive, 0}, {kHung, 0}}).empty());
}

TEST(Adoption, while_a_successor_starts_the_adopter_goes_on) {
  Adoption adoption(2);
  (void)adoption.settle(Looks{{kLive, 0}, {kDown, 0}});
  EXPECT_TRUE(adoption.settle(Looks{{kLive, 0}, {ChildState::kStarting, 0}}).empty());
}

TEST(Adoption, who_is_back_is_released) {
  Adoption adoption(2);
  (void)adoption.settle(Looks{{kLive, 0}, {kDown, 0}});
  const auto orders = adoption.settle(Looks{{kLive, 0}, {kLive, 0}});
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_FALSE(orders[0].adopt);
  EXPECT_EQ(orders[0].adopter, 0u);
  EXPECT_EQ(adoption.adopter_of(1), std::nullopt);
}

TEST(Adoption, when_the_adopter_dies_another_takes_both) {
  Adoption adoption(3);
  (void)adoption.settle(Looks{{kLive, 0}, {kDown, 0}, {kLive, 5}});
  const auto orders = adoption.settle(Looks{{kDown, 0}, {kDown, 0}, {kLive, 5}});
  ASSERT_EQ(orders.size(), 2u);
  for (const auto& order : orders) {
    EXPECT_TRUE(order.adopt);
    EXPECT_EQ(order.adopter, 2u);
  }
}

TEST(Adoption, when_the_adopter_hangs_it_is_told_to_let_go) {
  Adoption adoption(3);
  (void)adoption.settle(Looks{{kLive, 0}, {kDown, 0}, {kLive, 5}});
  const auto orders = adoption.settle(Looks{{kHung, 0}, {kDown, 0}, {kLive, 5}});
  ASSERT_EQ(orders.size(), 3u);
  EXPECT_EQ(adoption.adopter_of(0), 2u);
  EXPECT_EQ(adoption.adopter_of(1), 2u);
  EXPECT_FALSE(orders[1].adopt);
  EXPECT_EQ(orders[1].adopter, 0u);
}

TEST(Adoption, alone_nobody_can_adopt_until_somebody_lives) {
  Adoption adoption(2);
  EXPECT_TRUE(adoption.settle(Looks{{kDown, 0}, {kDown, 0}}).empty());
  EXPECT_EQ(adoption.settle(Looks{{kDown, 0}, {kLive, 0}}).size(), 1u);
}

TEST(Adoption, an_order_that_did_not_get_through_is_given_again) {
  Adoption adoption(2);
  (void)adoption.settle(Looks{{kLive, 0}, {kDown, 0}});
  adoption.not_adopted(1);
  EXPECT_EQ(adoption.settle(Looks{{kLive, 0}, {kDown, 0}}).size(), 1u);
}

}  // namespace
}  // namespace ouro::host
