// Whose a slot is.
#include "proxy/shared.h"

#include <gtest/gtest.h>

namespace ouro::proxy {
namespace {

TEST(Shared, a_server_is_kept_by_configs_and_connections_of_any_worker) {
  const auto shared = Shared::create(2);
  ASSERT_TRUE(shared.has_value());
  EXPECT_FALSE(shared->is_kept(7));
  shared->keep_server(1, 7);
  shared->keep_server(1, 7);
  EXPECT_TRUE(shared->is_kept(7));
  EXPECT_FALSE(shared->is_kept(8));
  shared->let_go_of_server(1, 7);
  EXPECT_TRUE(shared->is_kept(7));
  EXPECT_TRUE(shared->claim_server(0, 7, 0));
  shared->let_go_of_server(1, 7);
  EXPECT_TRUE(shared->is_kept(7));
  shared->unclaim_server(0, 7);
  EXPECT_FALSE(shared->is_kept(7));
}

TEST(Shared, a_dead_worker_keeps_nothing) {
  const auto shared = Shared::create(2);
  ASSERT_TRUE(shared.has_value());
  shared->keep_server(0, 3);
  shared->keep_server(1, 3);
  shared->forget_worker(0);
  EXPECT_TRUE(shared->is_kept(3));
  shared->forget_worker(1);
  EXPECT_FALSE(shared->is_kept(3));
}

}  // namespace
}  // namespace ouro::proxy
