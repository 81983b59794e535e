#include "host/listeners.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "os/socket.h"

namespace ouro::host {
namespace {

TEST(Listeners, port_0_becomes_one_real_port_for_all_workers) {
  auto listeners = Listeners::open({*Address::parse("127.0.0.1:0")}, {}, 4);
  ASSERT_TRUE(listeners) << listeners.error().what;
  EXPECT_NE(listeners->addresses()[0].port(), 0);
  for (unsigned worker = 0; worker < 4; ++worker) {
    EXPECT_EQ(listeners->own_sockets(worker).size(), 1u);
  }
}

TEST(Listeners, a_second_server_is_refused) {
  auto first = Listeners::open({*Address::parse("127.0.0.1:0")}, {}, 2);
  ASSERT_TRUE(first);
  const auto second = Listeners::open(first->addresses(), {}, 2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kAddressInUse);
}

TEST(Listeners, a_unix_socket_is_shared_and_its_file_goes) {
  const std::string path = testing::TempDir() + "ouro_listeners_test.sock";
  auto listeners = Listeners::open({*Address::parse("unix:" + path)}, {}, 3);
  ASSERT_TRUE(listeners) << listeners.error().what;
  EXPECT_TRUE(listeners->own_sockets(0).empty());  // nothing of it needs adopting
  EXPECT_TRUE(std::filesystem::exists(path));
  listeners->remove_files();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listeners, one_bad_address_leaves_no_file_of_the_others) {
  const std::string path = testing::TempDir() + "ouro_listeners_test_2.sock";
  const auto listeners =
      Listeners::open({*Address::parse("unix:" + path), *Address::parse("203.0.113.1:1")}, {}, 1);
  ASSERT_FALSE(listeners);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listeners, a_worker_takes_its_own_and_the_shared_ones) {
  const std::string path = testing::TempDir() + "ouro_listeners_test_3.sock";
  auto listeners =
      Listeners::open({*Address::parse("127.0.0.1:0"), *Address::parse("unix:" + path)}, {}, 2);
  ASSERT_TRUE(listeners);
  listeners->remove_files();
  const auto taken = listeners->take(1);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_TRUE(os::local_address(taken[0].get()).port() != 0);
  EXPECT_EQ(os::local_address(taken[1].get()).path(), path);
}

}  // namespace
}  // namespace ouro::host
