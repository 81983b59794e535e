#include "os/cpu.h"

#include <gtest/gtest.h>

namespace ouro::os {
namespace {

TEST(Cpu, a_quota_is_rounded_up_to_whole_cpus) {
  EXPECT_EQ(parse_cpu_max("200000 100000\n"), 2u);
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 2u);
  EXPECT_EQ(parse_cpu_max("10000 100000\n"), 1u);
}

TEST(Cpu, no_quota_is_no_limit) {
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs("-1\n", "100000\n"), std::nullopt);
}

TEST(Cpu, version_1_quota_is_understood) { EXPECT_EQ(parse_cfs("350000\n", "100000\n"), 4u); }

TEST(Cpu, nonsense_is_no_limit) {
  EXPECT_EQ(parse_cpu_max(""), std::nullopt);
  EXPECT_EQ(parse_cpu_max("many few"), std::nullopt);
  EXPECT_EQ(parse_cfs("100000", "0"), std::nullopt);
}

TEST(Cpu, the_unified_group_is_found) {
  const CgroupPaths paths = parse_cgroup_file("0::/system.slice/ouro.service\n");
  EXPECT_EQ(paths.unified, "/system.slice/ouro.service");
  EXPECT_EQ(paths.cpu_controller, std::nullopt);
}

TEST(Cpu, the_cpu_controller_is_found_among_others) {
  const CgroupPaths paths = parse_cgroup_file(
      "12:cpuset:/a\n"
      "4:cpu,cpuacct:/docker/4711\n"
      "1:name=systemd:/b\n"
      "0::/c\n");
  EXPECT_EQ(paths.cpu_controller, "/docker/4711");
  EXPECT_EQ(paths.unified, "/c");
}

TEST(Cpu, this_process_may_use_at_least_one) {
  EXPECT_FALSE(allowed_cpus().empty());
  EXPECT_GE(usable_cpus(), 1u);
  EXPECT_LE(usable_cpus(), allowed_cpus().size());
}

}  // namespace
}  // namespace ouro::os
