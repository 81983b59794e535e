#include "load/live_view.h"

#include <gtest/gtest.h>

namespace ouro::load {
namespace {

TEST(LiveViewTest, draws_over_what_it_drew_and_only_when_something_changed) {
  LoadOptions options;
  options.target.text = "somewhere";
  LiveView view(options);
  const std::string first = view.draw({});
  EXPECT_NE(first.find("connecting 64 times to somewhere"), first.npos);
  EXPECT_EQ(view.draw({}), "");
  Progress progress{.stage = Progress::Stage::kMeasuring, .seconds = 3};
  progress.shares = {1, 2, 3};
  const std::string second = view.draw(progress);
  EXPECT_TRUE(second.starts_with("\x1b[1F\x1b[J"));
  EXPECT_NE(second.find("3 of 10 s"), second.npos);
  EXPECT_TRUE(view.erase().starts_with("\x1b[4F"));
  EXPECT_EQ(view.erase(), "");
}

TEST(LiveViewTest, a_bar_shows_shares_from_the_slowest_to_the_fastest) {
  EXPECT_EQ(share_bar({0, 50, 100}, 3), " ▄█");
  EXPECT_EQ(share_bar({5, 5}, 4), "████");
  EXPECT_EQ(share_bar({}, 2), "  ");
  EXPECT_EQ(share_bar({0, 0}, 2), "  ");
}

}  // namespace
}  // namespace ouro::load
