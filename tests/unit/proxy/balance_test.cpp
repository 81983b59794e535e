#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "proxy/balance/balancer.h"
#include "proxy/balance/least_connections.h"
#include "proxy/balance/maglev.h"
#include "proxy/balance/slow_start.h"
#include "proxy/balance/smooth_round_robin.h"
#include "proxy/balance/two_choices.h"
#include "support/allocation_counter.h"

namespace ouro::proxy {
namespace {

using Weights = std::vector<std::uint32_t>;
using Candidates = std::vector<Candidate>;

constexpr Balance kAllKinds[] = {Balance::kRoundRobin, Balance::kLeastConnections,
                                 Balance::kTwoChoices, Balance::kHash};

// Servers with ids of their own, numbered from `first`.
std::vector<BalancedServer> servers_with(const Weights& weights, std::uint64_t first = 0) {
  std::vector<BalancedServer> servers;
  for (const std::uint32_t weight : weights) servers.push_back({mix(100 + first++), weight});
  return servers;
}

Candidates candidates_with(const Weights& weights) {
  Candidates candidates;
  for (const std::uint32_t weight : weights) candidates.push_back({.weight = weight});
  return candidates;
}

// How often each is picked; with `hold`, the connections stay.
std::vector<int> picks(Balancer& balancer, Candidates candidates, int count, bool hold = false) {
  std::vector<int> counts(candidates.size());
  for (int i = 0; i < count; ++i) {
    const int picked = balancer.pick(candidates, mix(static_cast<std::uint64_t>(i)));
    if (picked < 0) continue;
    ++counts[static_cast<std::size_t>(picked)];
    if (hold) ++candidates[static_cast<std::size_t>(picked)].load;
  }
  return counts;
}

// The next picks as letters.
std::string sequence(Balancer& balancer, const Candidates& candidates, int count) {
  std::string letters;
  while (count-- > 0) letters += static_cast<char>('A' + balancer.pick(candidates, 0));
  return letters;
}

TEST(Balancers, nobody_gets_what_nobody_can_take) {
  for (const Balance kind : kAllKinds) {
    const auto balancer = make_balancer(kind, 1);
    balancer->set_servers({});
    EXPECT_EQ(balancer->pick({}, 5), -1);
    balancer->set_servers(servers_with({256, 256}));
    Candidates candidates = candidates_with({256, 256});
    EXPECT_GE(balancer->pick(candidates, 5), 0);
    candidates[0].usable = candidates[1].usable = false;
    EXPECT_EQ(balancer->pick(candidates, 5), -1);
    candidates = candidates_with({0, 0});
    EXPECT_EQ(balancer->pick(candidates, 5), -1);
    balancer->set_servers(servers_with({0, 0}));
    EXPECT_EQ(balancer->pick(candidates, 5), -1);
  }
}

TEST(Balancers, the_only_one_that_can_is_found_among_many) {
  for (const Balance kind : kAllKinds) {
    const auto balancer = make_balancer(kind, 0);
    const Weights weights(300, 256);
    balancer->set_servers(servers_with(weights));
    Candidates candidates = candidates_with(weights);
    for (Candidate& candidate : candidates) candidate.usable = false;
    candidates[217].usable = true;
    for (std::uint64_t client = 0; client < 1000; ++client) {
      ASSERT_EQ(balancer->pick(candidates, mix(client)), 217);
    }
  }
}

TEST(Balancers, picking_allocates_nothing) {
  for (const Balance kind : kAllKinds) {
    const auto balancer = make_balancer(kind, 0);
    balancer->set_servers(servers_with({256, 512, 768}));
    const Candidates candidates = candidates_with({256, 512, 768});
    const auto before = test::allocations_of_this_thread();
    for (std::uint64_t client = 0; client < 100; ++client) (void)balancer->pick(candidates, client);
    EXPECT_EQ(test::allocations_of_this_thread(), before);
  }
}

TEST(SmoothRoundRobin, the_heavy_one_is_spread_out) {
  SmoothRoundRobin balancer(0);
  balancer.set_servers(servers_with({5, 1, 1}));
  EXPECT_EQ(sequence(balancer, candidates_with({5, 1, 1}), 14), "AABACAAAABACAA");
}

TEST(SmoothRoundRobin, equals_take_turns_from_another_start_in_each_worker) {
  for (unsigned worker = 0; worker < 4; ++worker) {
    SmoothRoundRobin balancer(worker);
    balancer.set_servers(servers_with({1, 1, 1}));
    const std::string turns = "ABCABCABCABC";
    EXPECT_EQ(sequence(balancer, candidates_with({1, 1, 1}), 6), turns.substr(worker, 6));
  }
}

TEST(SmoothRoundRobin, who_is_passed_over_does_not_catch_up) {
  SmoothRoundRobin balancer(0);
  balancer.set_servers(servers_with({1, 1, 1}));
  Candidates candidates = candidates_with({1, 1, 1});
  candidates[1].usable = false;
  EXPECT_EQ(sequence(balancer, candidates, 8), "ACACACAC");
  candidates[1].usable = true;
  const auto counts = picks(balancer, candidates, 9);
  EXPECT_EQ(counts, (std::vector{3, 3, 3}));
}

TEST(SmoothRoundRobin, a_change_of_servers_does_not_begin_anew) {
  SmoothRoundRobin balancer(0);
  const auto servers = servers_with({1, 1, 1});
  balancer.set_servers(servers);
  EXPECT_EQ(sequence(balancer, candidates_with({1, 1, 1}), 1), "A");
  // In another order, and with one more.
  balancer.set_servers(std::vector{servers[2], servers[0], servers[1]});
  EXPECT_EQ(sequence(balancer, candidates_with({1, 1, 1}), 2), "AC");
  balancer.set_servers(std::vector{servers[0], servers[1], servers[2], BalancedServer{77, 1}});
  EXPECT_EQ(picks(balancer, candidates_with({1, 1, 1, 1}), 8), (std::vector{2, 2, 2, 2}));
}

TEST(SmoothRoundRobin, smaller_weights_are_smooth_at_once) {
  SmoothRoundRobin balancer(0);
  balancer.set_servers(servers_with({1000, 999}));
  EXPECT_EQ(sequence(balancer, candidates_with({1000, 999}), 1), "A");
  balancer.set_servers(servers_with({1, 1}));
  EXPECT_EQ(sequence(balancer, candidates_with({1, 1}), 8), "BBABABAB");
}

TEST(LessLoaded, so_it_is_before_and_after) {
  const auto at = [](std::uint32_t weight, std::uint64_t load) {
    return Candidate{.weight = weight, .load = load};
  };
  EXPECT_FALSE(less_loaded(at(3, 0), at(1, 0)));
  EXPECT_FALSE(less_loaded(at(1, 0), at(3, 0)));
  EXPECT_FALSE(less_loaded(at(1, 0), at(3, 1)));  // with one more it has more than the other
  EXPECT_TRUE(less_loaded(at(3, 0), at(1, 1)));
  EXPECT_TRUE(less_loaded(at(1, 0), at(3, 4)));
}

// Nobody is connected any more when the next one comes.
TEST(LeastConnections, short_connections_take_turns_by_weight) {
  LeastConnections balancer(0);
  balancer.set_servers(servers_with({256, 768}));
  EXPECT_EQ(picks(balancer, candidates_with({256, 768}), 400), (std::vector{100, 300}));
}

TEST(TwoChoices, short_connections_are_spread_by_weight) {
  TwoChoices balancer(1);
  EXPECT_NEAR(picks(balancer, candidates_with({256, 768}), 40'000)[0], 10'000, 400);
  const auto three = picks(balancer, candidates_with({256, 512, 1024}), 70'000);
  EXPECT_NEAR(three[0], 10'000, 400);
  EXPECT_NEAR(three[1], 20'000, 500);
}

// As it is when it starts slowly.
TEST(Balancers, a_light_server_does_not_get_all_it_can_take_because_it_is_idle) {
  for (const Balance kind : {Balance::kLeastConnections, Balance::kTwoChoices}) {
    const auto balancer = make_balancer(kind, 0);
    balancer->set_servers(servers_with({256, 256}));
    Candidates candidates = candidates_with({256, 1});
    candidates[0].load = 50;
    EXPECT_LT(picks(*balancer, candidates, 1000)[1], 20);
    candidates[0].load = 500;
    EXPECT_EQ(picks(*balancer, candidates, 1000)[1], 1000);
  }
}

TEST(LeastConnections, the_least_for_its_weight_is_taken) {
  LeastConnections balancer(0);
  balancer.set_servers(servers_with({256, 512}));
  Candidates candidates = candidates_with({256, 512});
  candidates[0].load = 10;
  candidates[1].load = 20;  // as good, and its turn
  EXPECT_EQ(balancer.pick(candidates, 0), 1);
  candidates[1].load = 22;
  EXPECT_EQ(balancer.pick(candidates, 0), 0);
}

TEST(LeastConnections, equals_take_turns) {
  LeastConnections balancer(2);
  balancer.set_servers(servers_with({1, 1, 1}));
  EXPECT_EQ(sequence(balancer, candidates_with({1, 1, 1}), 7), "CABCABC");
}

TEST(LeastConnections, what_stays_is_spread_by_weight) {
  LeastConnections balancer(0);
  balancer.set_servers(servers_with({256, 512, 1024}));
  EXPECT_EQ(picks(balancer, candidates_with({256, 512, 1024}), 700, true),
            (std::vector{100, 200, 400}));
}

TEST(TwoChoices, the_most_loaded_of_all_is_never_taken) {
  TwoChoices balancer(1);
  Candidates candidates = candidates_with({1, 1, 1, 1});
  candidates[2].load = 5;
  EXPECT_EQ(picks(balancer, candidates, 1000)[2], 0);
}

TEST(TwoChoices, what_stays_is_spread_nearly_evenly) {
  TwoChoices balancer(1);
  for (const int count : picks(balancer, candidates_with(Weights(10, 256)), 10'000, true)) {
    EXPECT_NEAR(count, 1000, 5);
  }
}

TEST(TwoChoices, what_stays_is_spread_by_weight) {
  TwoChoices balancer(1);
  const auto counts = picks(balancer, candidates_with({256, 512, 1024}), 7000, true);
  EXPECT_NEAR(counts[0], 1000, 60);
  EXPECT_NEAR(counts[1], 2000, 60);
  EXPECT_NEAR(counts[2], 4000, 60);
}

TEST(TwoChoices, workers_differ) {
  TwoChoices one(1);
  TwoChoices other(2);
  const Candidates candidates = candidates_with(Weights(10, 256));
  EXPECT_NE(sequence(one, candidates, 20), sequence(other, candidates, 20));
}

// The server of each of many clients; -1 if there is none.
std::vector<int> homes(Balancer& balancer, const Candidates& candidates) {
  std::vector<int> servers;
  for (std::uint64_t client = 0; client < 20'000; ++client) {
    servers.push_back(balancer.pick(candidates, mix(client)));
  }
  return servers;
}

TEST(Maglev, clients_spread_evenly) {
  Maglev balancer;
  balancer.set_servers(servers_with(Weights(10, 256)));
  for (const int count : picks(balancer, candidates_with(Weights(10, 256)), 100'000)) {
    EXPECT_NEAR(count, 10'000, 400);
  }
}

TEST(Maglev, clients_spread_by_weight) {
  Maglev balancer;
  balancer.set_servers(servers_with({256, 512, 0, 1024}));
  const auto counts = picks(balancer, candidates_with({256, 512, 256, 1024}), 70'000);
  EXPECT_NEAR(counts[0], 10'000, 400);
  EXPECT_NEAR(counts[1], 20'000, 500);
  EXPECT_EQ(counts[2], 0);
  EXPECT_NEAR(counts[3], 40'000, 600);
}

TEST(Maglev, workers_agree_in_whatever_order_their_servers_are) {
  Maglev one;
  Maglev other;
  auto servers = servers_with(Weights(10, 256));
  one.set_servers(servers);
  const auto homes_one = homes(one, candidates_with(Weights(10, 256)));
  other.set_servers(servers);
  EXPECT_EQ(homes(other, candidates_with(Weights(10, 256))), homes_one);
}

TEST(Maglev, who_is_not_on_the_server_that_goes_stays_where_it_is) {
  Maglev balancer;
  auto servers = servers_with(Weights(10, 256));
  balancer.set_servers(servers);
  const auto before = homes(balancer, candidates_with(Weights(10, 256)));
  servers.erase(servers.begin() + 4);
  balancer.set_servers(servers);
  const auto after = homes(balancer, candidates_with(Weights(9, 256)));
  int others = 0;
  int moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == 4) continue;
    ++others;
    if (after[i] + (after[i] >= 4 ? 1 : 0) != before[i]) ++moved;
  }
  EXPECT_LT(moved, others * 3 / 100);
}

TEST(Maglev, while_a_server_is_down_only_its_clients_are_elsewhere_and_spread) {
  Maglev balancer;
  balancer.set_servers(servers_with(Weights(10, 256)));
  Candidates candidates = candidates_with(Weights(10, 256));
  const auto before = homes(balancer, candidates);
  candidates[4].usable = false;
  const auto during = homes(balancer, candidates);
  std::map<int, int> refuge;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == 4) {
      ++refuge[during[i]];
    } else {
      ASSERT_EQ(during[i], before[i]);
    }
  }
  EXPECT_EQ(refuge.size(), 9u);
  for (const auto& [server, clients] : refuge) EXPECT_NEAR(clients, 2000 / 9, 60) << server;
  candidates[4].usable = true;
  EXPECT_EQ(homes(balancer, candidates), before);
}

TEST(SlowStart, the_weight_grows_in_a_line) {
  EXPECT_EQ(effective_weight(10, 0, 1000), 10u);
  EXPECT_EQ(effective_weight(10, 250, 1000), 640u);
  EXPECT_EQ(effective_weight(10, 500, 1000), 1280u);
  EXPECT_EQ(effective_weight(10, 1000, 1000), 2560u);
  EXPECT_EQ(effective_weight(10, UINT64_MAX, 1000), 2560u);
}

TEST(SlowStart, without_a_ramp_it_is_whole_at_once) {
  EXPECT_EQ(effective_weight(1, 0, 0), 256u);
  EXPECT_EQ(effective_weight(1000, 0, 0), 256'000u);
}

TEST(SlowStart, nothing_stays_nothing) {
  EXPECT_EQ(effective_weight(0, 0, 1000), 0u);
  EXPECT_EQ(effective_weight(0, 999, 1000), 0u);
}

}  // namespace
}  // namespace ouro::proxy
