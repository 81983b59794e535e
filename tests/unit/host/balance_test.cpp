#include "host/balance.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace ouro::host {
namespace {

constexpr std::uint64_t kPlenty = 1'000'000;

TEST(Balance, who_has_his_share_keeps_what_he_accepts) {
  EXPECT_EQ(choose_worker(std::vector<WorkerLoad>{{10, true}, {10, true}}, 0, kPlenty), 0u);
  EXPECT_EQ(choose_worker(std::vector<WorkerLoad>{{12, true}, {8, true}}, 0, kPlenty), 0u);
}

TEST(Balance, who_is_more_than_two_above_the_mean_passes_on) {
  EXPECT_EQ(choose_worker(std::vector<WorkerLoad>{{13, true}, {8, true}}, 0, kPlenty), 1u);
}

TEST(Balance, the_least_loaded_gets_it) {
  const std::vector<WorkerLoad> loads{{30, true}, {9, true}, {4, true}, {7, true}};
  EXPECT_EQ(choose_worker(loads, 0, kPlenty), 2u);
}

TEST(Balance, one_that_is_not_able_neither_gets_nor_counts) {
  const std::vector<WorkerLoad> loads{{30, true}, {0, false}, {29, true}};
  EXPECT_EQ(choose_worker(loads, 0, kPlenty), 0u);
}

TEST(Balance, a_full_worker_gets_nothing) {
  EXPECT_EQ(choose_worker(std::vector<WorkerLoad>{{20, true}, {8, true}}, 0, 8), 0u);
}

TEST(Balance, alone_or_hung_a_worker_serves_itself) {
  EXPECT_EQ(choose_worker(std::vector<WorkerLoad>{{100, true}}, 0, kPlenty), 0u);
  EXPECT_EQ(choose_worker(std::vector<WorkerLoad>{{100, true}, {0, false}}, 0, kPlenty), 0u);
}

TEST(Balance, however_the_kernel_spreads_64_over_2_each_has_29_to_35) {
  std::mt19937 random(1);
  for (int round = 0; round < 1000; ++round) {
    std::vector<WorkerLoad> loads{{0, true}, {0, true}};
    for (int i = 0; i < 64; ++i) {
      const unsigned accepting = random() % 10 < 9 ? 0 : 1;
      ++loads[accepting].connections;
      const unsigned target = choose_worker(loads, accepting, kPlenty);
      --loads[accepting].connections;
      ++loads[target].connections;
    }
    EXPECT_GE(loads[0].connections, 29u);
    EXPECT_LE(loads[0].connections, 35u);
  }
}

TEST(Balance, the_imbalance_is_between_those_who_serve) {
  EXPECT_EQ(imbalance(std::vector<WorkerLoad>{{9, true}, {4, true}, {0, false}}), 5u);
  EXPECT_EQ(imbalance(std::vector<WorkerLoad>{{9, true}}), 0u);
  EXPECT_EQ(imbalance({}), 0u);
}

}  // namespace
}  // namespace ouro::host
