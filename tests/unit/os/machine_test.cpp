#include "os/machine.h"

#include <gtest/gtest.h>

namespace ouro::os {
namespace {

TEST(Machine, has_a_kernel_and_a_cpu) {
  const Machine machine = this_machine();
  EXPECT_FALSE(machine.kernel.empty());
  EXPECT_FALSE(machine.cpu.empty());
  EXPECT_GE(machine.cpus, 1u);
}

// A fresh namespace may have sent none; but the number never falls.
TEST(Machine, counts_what_was_sent_again) {
  const std::uint64_t before = segments_sent_again();
  EXPECT_GE(segments_sent_again(), before);
  EXPECT_LT(before, std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace ouro::os
