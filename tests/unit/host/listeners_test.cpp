#include "host/listeners.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "os/fd_passing.h"
#include "os/socket.h"

namespace ouro::host {
namespace {

ListenPlace at(const std::string& address) { return {*Address::parse(address), {}}; }

Result<Listeners> opened(const std::vector<ListenPlace>& places, unsigned workers) {
  Listeners listeners;
  if (auto change = listeners.change_to(places, workers); !change) {
    return std::unexpected(change.error());
  }
  return listeners;
}

std::vector<Listeners::OwnSocket> all_own(const Listeners& listeners, unsigned workers) {
  std::vector<Listeners::OwnSocket> all;
  for (unsigned worker = 0; worker < workers; ++worker) {
    for (const Listeners::OwnSocket& own : listeners.own_sockets(worker)) all.push_back(own);
  }
  return all;
}

std::set<std::uint64_t> cookies(const std::vector<Listeners::OwnSocket>& sockets) {
  std::set<std::uint64_t> cookies;
  for (const Listeners::OwnSocket& own : sockets) cookies.insert(os::socket_cookie(own.fd));
  return cookies;
}

TEST(Listeners, port_0_becomes_one_real_port_for_all_workers) {
  auto listeners = opened({at("127.0.0.1:0")}, 4);
  ASSERT_TRUE(listeners) << listeners.error().what;
  EXPECT_NE(listeners->addresses()[0].port(), 0);
  for (unsigned worker = 0; worker < 4; ++worker) {
    EXPECT_EQ(listeners->own_sockets(worker).size(), 1u);
  }
}

TEST(Listeners, a_second_server_is_refused) {
  auto first = opened({at("127.0.0.1:0")}, 2);
  ASSERT_TRUE(first);
  const auto second = opened({{first->addresses()[0], {}}}, 2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kAddressInUse);
}

TEST(Listeners, a_unix_socket_is_shared_and_its_file_goes) {
  const std::string path = testing::TempDir() + "ouro_listeners_test.sock";
  auto listeners = opened({at("unix:" + path)}, 3);
  ASSERT_TRUE(listeners) << listeners.error().what;
  EXPECT_TRUE(listeners->own_sockets(0).empty());  // nothing of it needs adopting
  EXPECT_TRUE(std::filesystem::exists(path));
  listeners->remove_files();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listeners, one_bad_address_leaves_no_file_of_the_others) {
  const std::string path = testing::TempDir() + "ouro_listeners_test_2.sock";
  const auto listeners = opened({at("unix:" + path), at("203.0.113.1:1")}, 1);
  ASSERT_FALSE(listeners);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listeners, a_worker_takes_its_own_and_the_shared_ones) {
  const std::string path = testing::TempDir() + "ouro_listeners_test_3.sock";
  auto listeners = opened({at("127.0.0.1:0"), at("unix:" + path)}, 2);
  ASSERT_TRUE(listeners);
  listeners->remove_files();
  const auto taken = listeners->take(1);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_TRUE(os::local_address(taken[0].fd.get()).port() != 0);
  EXPECT_EQ(os::local_address(taken[1].fd.get()).path(), path);
}

TEST(Listeners, a_change_keeps_what_stays_and_tells_what_comes_and_goes) {
  auto listeners = opened({at("127.0.0.1:0"), at("127.0.0.1:0")}, 2);
  ASSERT_TRUE(listeners);
  const auto before = listeners->addresses();
  const auto change = listeners->change_to({at("127.0.0.2:0"), at("127.0.0.1:0")}, 2);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->all, (std::vector<ListenerId>{2, 0}));
  EXPECT_EQ(change->added, std::vector<ListenerId>{2});
  EXPECT_EQ(change->removed, std::vector<ListenerId>{1});
  EXPECT_EQ(listeners->addresses()[0], before[0]);
  EXPECT_EQ(listeners->addresses().size(), 3U);  // what is not wanted is open until it is removed
  listeners->remove(change->removed);
  EXPECT_EQ(listeners->addresses().size(), 2U);
}

TEST(Listeners, a_change_that_fails_leaves_what_there_was) {
  auto listeners = opened({at("127.0.0.1:0")}, 1);
  ASSERT_TRUE(listeners);
  const auto before = listeners->addresses();
  EXPECT_FALSE(listeners->change_to({at("127.0.0.2:0"), at("203.0.113.1:1")}, 1));
  EXPECT_EQ(listeners->addresses(), before);
  const auto again = listeners->change_to({at("127.0.0.1:0")}, 1);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->added.empty());
  EXPECT_TRUE(again->removed.empty());
}

// A socket that nobody accepts from would take its share of the connections with it.
TEST(Listeners, a_change_needs_numbers_for_what_comes_and_what_goes) {
  const auto some = [](char series, unsigned count) {
    std::vector<ListenPlace> places;
    for (unsigned i = 0; i < count; ++i) {
      places.push_back(
          at("unix:" + testing::TempDir() + "ouro_many_" + series + std::to_string(i)));
    }
    return places;
  };
  Listeners listeners;
  ASSERT_TRUE(listeners.change_to(some('a', 600), 1));
  const auto refused = listeners.change_to(some('b', 600), 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("no more than 1024 addresses"), std::string::npos);
  EXPECT_EQ(listeners.addresses().size(), 600U);
  EXPECT_FALSE(std::filesystem::exists(testing::TempDir() + "ouro_many_b0"));
  const auto change = listeners.change_to(some('b', 424), 1);
  ASSERT_TRUE(change) << change.error().what;
  listeners.remove(change->removed);
  EXPECT_EQ(listeners.addresses().size(), 424U);
  listeners.remove_files();
}

TEST(Listeners, what_a_predecessor_with_more_workers_left_is_shared_out) {
  auto old = opened({at("127.0.0.1:0")}, 5);
  ASSERT_TRUE(old);
  Listeners listeners;
  std::vector<os::Fd> sockets;
  for (Listeners::OwnSocket& own : all_own(*old, 5)) sockets.push_back(os::duplicate(own.fd));
  listeners.inherit(old->addresses()[0], std::move(sockets));
  ASSERT_TRUE(listeners.change_to({{old->addresses()[0], {}}}, 2));
  EXPECT_EQ(listeners.own_sockets(0).size(), 3U);
  EXPECT_EQ(listeners.own_sockets(1).size(), 2U);
  EXPECT_EQ(listeners.sockets_of(1, {0}).size(), 2U);
  EXPECT_EQ(listeners.all()[0].second.size(), 5U);
  EXPECT_EQ(cookies(all_own(listeners, 2)), cookies(all_own(*old, 5)));
  const auto taken = listeners.take(1);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_TRUE(taken[1].fd.valid());
}

TEST(Listeners, more_workers_than_a_predecessor_had_share_sockets) {
  auto old = opened({at("127.0.0.1:0")}, 2);
  ASSERT_TRUE(old);
  Listeners listeners;
  std::vector<os::Fd> sockets;
  for (Listeners::OwnSocket& own : all_own(*old, 2)) sockets.push_back(os::duplicate(own.fd));
  listeners.inherit(old->addresses()[0], std::move(sockets));
  ASSERT_TRUE(listeners.change_to({{old->addresses()[0], {}}}, 3));
  EXPECT_EQ(all_own(listeners, 3).size(), 3U);
  EXPECT_EQ(cookies(all_own(listeners, 3)), cookies(all_own(*old, 2)));
}

}  // namespace
}  // namespace ouro::host
