#include "proxy/client_limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/units.h"
#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

using Admit = ClientLimits::Verdict;

// A table of its own, of three workers.
class ClientLimitsTest : public testing::Test {
 protected:
  static constexpr unsigned kWorkers = 3;

  explicit ClientLimitsTest(std::size_t slots = 1024) : slots_(slots), counts_(kWorkers * slots) {}

  ClientTable table() { return {slots_, counts_}; }
  ClientLimits limits(const ClientLimitsOptions& options, unsigned worker = 0) {
    return ClientLimits(options, table(), worker);
  }
  bool empty() {
    for (const ClientSlot& slot : slots_) {
      if ((slot.tag_and_count.load() & 0xffffff) != 0) return false;
    }
    for (const ClientCount& count : counts_) {
      if (count.load() != 0) return false;
    }
    return true;
  }

  std::vector<ClientSlot> slots_;
  std::vector<ClientCount> counts_;
};

// Room for kWays clients, all in one set.
class OneSetTest : public ClientLimitsTest {
 protected:
  OneSetTest() : ClientLimitsTest(ClientLimits::kWays) {}
};

Address client(int number) {
  return at("192.0." + std::to_string(number / 256) + "." + std::to_string(number % 256) + ":1000");
}

TEST_F(ClientLimitsTest, each_client_has_its_own_count) {
  ClientLimits limits = this->limits({.connections = 2});
  const auto first = limits.admit(client(1), 0);
  EXPECT_EQ(first.verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(client(1), 0).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(client(1), 0).verdict, Admit::kTooMany);
  EXPECT_EQ(limits.admit(client(2), 0).verdict, Admit::kYes);
  limits.left(first.place);
  EXPECT_EQ(limits.admit(client(1), 0).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(client(1), 0).verdict, Admit::kTooMany);
}

TEST_F(ClientLimitsTest, the_count_is_over_all_workers) {
  ClientLimits one = limits({.connections = 2}, 0);
  ClientLimits two = limits({.connections = 2}, 1);
  const auto place = one.admit(client(1), 0).place;
  EXPECT_EQ(two.admit(client(1), 0).verdict, Admit::kYes);
  EXPECT_EQ(one.admit(client(1), 0).verdict, Admit::kTooMany);
  EXPECT_EQ(two.admit(client(1), 0).verdict, Admit::kTooMany);
  one.left(place);
  EXPECT_EQ(two.admit(client(1), 0).verdict, Admit::kYes);
}

TEST_F(ClientLimitsTest, ports_and_the_lower_half_of_ipv6_do_not_matter) {
  ClientLimits limits = this->limits({.connections = 1});
  EXPECT_EQ(limits.admit(at("192.0.2.1:1"), 0).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(at("192.0.2.1:2"), 0).verdict, Admit::kTooMany);
  EXPECT_EQ(limits.admit(at("[::ffff:192.0.2.1]:1"), 0).verdict, Admit::kTooMany);
  EXPECT_EQ(limits.admit(at("[2001:db8::1]:1"), 0).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(at("[2001:db8::ffff:2]:1"), 0).verdict, Admit::kTooMany);
  EXPECT_EQ(limits.admit(at("[2001:db8:0:1::1]:1"), 0).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(at("[::1]:1"), 0).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(at("[::c000:201:0:0:0:1]:1"), 0).verdict, Admit::kYes);
}

TEST_F(ClientLimitsTest, who_has_no_ip_is_not_counted) {
  ClientLimits limits = this->limits({.connections = 1, .rate = 1});
  for (int i = 0; i < 3; ++i) {
    const auto admission = limits.admit(at("unix:/a"), 0);
    EXPECT_EQ(admission.verdict, Admit::kYes);
    limits.left(admission.place);
  }
  EXPECT_EQ(limits.uncounted(), 0u);
  EXPECT_TRUE(empty());
}

TEST_F(ClientLimitsTest, without_limits_nothing_is_counted) {
  ClientLimits limits = this->limits({});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limits.admit(client(1), 0).verdict, Admit::kYes);
  EXPECT_TRUE(empty());
}

TEST_F(ClientLimitsTest, a_second_of_tokens_may_be_spent_at_once) {
  ClientLimits limits = this->limits({.rate = 10});
  const std::uint64_t now_ns = 5 * kSecondNs;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limits.admit(client(1), now_ns).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(client(1), now_ns).verdict, Admit::kTooFast);
  EXPECT_EQ(limits.admit(client(2), now_ns).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(client(1), now_ns + kSecondNs / 10 - 1).verdict, Admit::kTooFast);
  EXPECT_EQ(limits.admit(client(1), now_ns + kSecondNs / 10).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(client(1), now_ns + kSecondNs / 10).verdict, Admit::kTooFast);
}

TEST_F(ClientLimitsTest, tokens_do_not_pile_up) {
  ClientLimits limits = this->limits({.rate = 3});
  EXPECT_EQ(limits.admit(client(1), kSecondNs).verdict, Admit::kYes);
  int admitted = 0;
  for (int i = 0; i < 10; ++i) {
    if (limits.admit(client(1), 100 * kSecondNs).verdict == Admit::kYes) ++admitted;
  }
  EXPECT_EQ(admitted, 3);
}

TEST_F(ClientLimitsTest, who_is_refused_is_not_counted) {
  ClientLimits limits = this->limits({.connections = 2, .rate = 1});
  const auto first = limits.admit(client(1), 0);
  EXPECT_EQ(limits.admit(client(1), 0).verdict, Admit::kTooFast);
  limits.left(first.place);
  EXPECT_TRUE(empty());
}

TEST_F(ClientLimitsTest, the_rate_outlives_the_connections) {
  ClientLimits limits = this->limits({.rate = 1});
  limits.left(limits.admit(client(1), 0).place);
  EXPECT_EQ(limits.admit(client(1), 0).verdict, Admit::kTooFast);
}

TEST_F(OneSetTest, a_newcomer_takes_the_place_that_was_quiet_for_longest) {
  ClientLimits limits = this->limits({.rate = 1});
  for (int i = 0; i < 8; ++i) {
    limits.left(limits.admit(client(i), static_cast<std::uint64_t>(i == 3 ? 1 : i + 2)).place);
  }
  EXPECT_EQ(limits.admit(client(8), 20).verdict, Admit::kYes);
  EXPECT_EQ(limits.admit(client(8), 20).verdict, Admit::kTooFast);
  // All the others are remembered.
  for (const int i : {0, 1, 2, 4, 5, 6, 7}) {
    EXPECT_EQ(limits.admit(client(i), 20).verdict, Admit::kTooFast) << i;
  }
  EXPECT_EQ(limits.admit(client(3), 20).verdict, Admit::kYes);
}

TEST_F(OneSetTest, nobody_is_turned_away_for_its_neighbours) {
  ClientLimits limits = this->limits({.connections = 1});
  ClientLimits::Place place;
  for (int i = 0; i < 8; ++i) place = limits.admit(client(i), 0).place;
  for (int i = 0; i < 3; ++i) {
    const auto admission = limits.admit(client(9), 0);
    EXPECT_EQ(admission.verdict, Admit::kYes);
    EXPECT_FALSE(admission.place);
    limits.left(admission.place);
  }
  EXPECT_EQ(limits.uncounted(), 3u);
  EXPECT_EQ(limits.admit(client(0), 0).verdict, Admit::kTooMany);
  limits.left(place);
  EXPECT_TRUE(limits.admit(client(9), 0).place);
  EXPECT_EQ(limits.admit(client(9), 0).verdict, Admit::kTooMany);
}

TEST_F(ClientLimitsTest, what_a_dead_worker_had_is_free_again) {
  ClientLimits dead = limits({.connections = 3}, 1);
  ClientLimits other = limits({.connections = 3}, 2);
  (void)dead.admit(client(1), 0);
  (void)dead.admit(client(1), 0);
  const auto place = other.admit(client(1), 0).place;
  EXPECT_EQ(other.admit(client(1), 0).verdict, Admit::kTooMany);
  forget_worker(table(), 1);
  EXPECT_EQ(other.admit(client(1), 0).verdict, Admit::kYes);
  EXPECT_EQ(other.admit(client(1), 0).verdict, Admit::kYes);
  EXPECT_EQ(other.admit(client(1), 0).verdict, Admit::kTooMany);
  other.left(place);
  forget_worker(table(), 2);
  EXPECT_TRUE(empty());
}

TEST_F(ClientLimitsTest, a_death_between_the_two_counts_leaves_none_behind) {
  ClientLimits dead = limits({.connections = 3}, 0);
  ClientLimits other = limits({.connections = 3}, 1);
  const auto place = other.admit(client(1), 0).place;
  (void)dead.admit(client(1), 0);
  counts_[*place].store(2);  // it was about to count another
  forget_worker(table(), 0);
  other.left(place);
  EXPECT_TRUE(empty());
}

TEST_F(ClientLimitsTest, threads_never_admit_too_many_and_leave_nothing) {
  constexpr int kRounds = 60'000;
  constexpr int kClients = 2;
  std::atomic<int> present[kClients] = {};
  std::atomic<bool> too_many = false;
  const auto work = [&](unsigned worker) {
    ClientLimits limits = this->limits({.connections = 2}, worker);
    Random random(worker);
    std::deque<std::pair<std::size_t, ClientLimits::Place>> open;
    const auto leave = [&] {
      present[open.front().first].fetch_sub(1);
      limits.left(open.front().second);
      open.pop_front();
    };
    for (int i = 0; i < kRounds; ++i) {
      const std::size_t who = random.below(kClients);
      const auto admission = limits.admit(client(static_cast<int>(who)), 0);
      if (admission.place) {
        if (present[who].fetch_add(1) >= 2) too_many = true;
        open.emplace_back(who, admission.place);
      }
      if (open.size() > 3) leave();
    }
    while (!open.empty()) leave();
  };
  // Each client has its slot before they begin: two that meet a new one may give it two.
  ClientLimits first = limits({.connections = 2}, 0);
  for (int i = 0; i < kClients; ++i) first.left(first.admit(client(i), 0).place);
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) threads.emplace_back(work, worker);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(too_many);
  EXPECT_TRUE(empty());
}

TEST_F(OneSetTest, threads_that_take_each_others_slots_leave_nothing) {
  const auto work = [&](unsigned worker) {
    ClientLimits limits = this->limits({.connections = 2, .rate = 1'000'000}, worker);
    Random random(worker);
    std::deque<ClientLimits::Place> open;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      open.push_back(limits.admit(client(static_cast<int>(random.below(30))), i).place);
      if (open.size() < 4) continue;
      limits.left(open.front());
      open.pop_front();
    }
    for (const ClientLimits::Place place : open) limits.left(place);
  };
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) threads.emplace_back(work, worker);
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(empty());
}

}  // namespace
}  // namespace ouro::proxy
