#include "proxy/sni_routes.h"

#include <gtest/gtest.h>

#include "support/allocation_counter.h"

namespace ouro::proxy {
namespace {

TEST(SniRoutes, a_name_is_found_and_no_other) {
  SniRoutes routes;
  EXPECT_TRUE(routes.add("a.example", 1));
  EXPECT_TRUE(routes.add("b.example", 2));
  EXPECT_EQ(routes.find("a.example"), 1u);
  EXPECT_EQ(routes.find("b.example"), 2u);
  EXPECT_EQ(routes.find("c.example"), std::nullopt);
  EXPECT_EQ(routes.find("x.a.example"), std::nullopt);
  EXPECT_EQ(routes.find("example"), std::nullopt);
}

TEST(SniRoutes, a_star_stands_for_one_label_or_several_but_not_for_none) {
  SniRoutes routes;
  routes.add("*.example.com", 1);
  EXPECT_EQ(routes.find("a.example.com"), 1u);
  EXPECT_EQ(routes.find("a.b.example.com"), 1u);
  EXPECT_EQ(routes.find("example.com"), std::nullopt);
  EXPECT_EQ(routes.find("aexample.com"), std::nullopt);
}

TEST(SniRoutes, the_name_comes_before_a_star_and_the_longest_star_first) {
  SniRoutes routes;
  routes.add("*.com", 1);
  routes.add("*.example.com", 2);
  routes.add("a.example.com", 3);
  EXPECT_EQ(routes.find("a.example.com"), 3u);
  EXPECT_EQ(routes.find("b.example.com"), 2u);
  EXPECT_EQ(routes.find("b.a.example.com"), 2u);
  EXPECT_EQ(routes.find("example.com"), 1u);
}

TEST(SniRoutes, all_others_are_for_the_default) {
  SniRoutes routes;
  routes.add("a.example", 1);
  routes.set_default(7);
  EXPECT_EQ(routes.find("a.example"), 1u);
  EXPECT_EQ(routes.find("b.example"), 7u);
  EXPECT_EQ(routes.find(""), 7u);
}

TEST(SniRoutes, the_first_of_a_pattern_stays) {
  SniRoutes routes;
  EXPECT_TRUE(routes.add("a.example", 1));
  EXPECT_TRUE(routes.add("*.a.example", 2));
  EXPECT_FALSE(routes.add("a.example", 3));
  EXPECT_FALSE(routes.add("*.a.example", 3));
  EXPECT_EQ(routes.find("a.example"), 1u);
}

TEST(SniRoutes, ten_thousand_are_found) {
  SniRoutes routes;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    routes.add("host" + std::to_string(i) + ".example", i);
    routes.add("*.zone" + std::to_string(i) + ".example", i);
  }
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    EXPECT_EQ(routes.find("host" + std::to_string(i) + ".example"), i);
    EXPECT_EQ(routes.find("a.zone" + std::to_string(i) + ".example"), i);
  }
}

TEST(SniRoutes, finding_allocates_nothing) {
  SniRoutes routes;
  routes.add("*.a.host.name.that.is.longer.than.a.small.string.example", 1);
  const auto before = test::allocations_of_this_thread();
  const auto found = routes.find("www.a.host.name.that.is.longer.than.a.small.string.example");
  EXPECT_EQ(test::allocations_of_this_thread(), before);
  EXPECT_EQ(found, 1u);
}

}  // namespace
}  // namespace ouro::proxy
