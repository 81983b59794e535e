#include "os/memory_reserve.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/sanitized.h"
#include "support/child_process.h"

namespace ouro::os {
namespace {

// This process may not become larger than it is.
void grow_no_more() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit now{pages * 4096, pages * 4096};
  setrlimit(RLIMIT_AS, &now);
}

TEST(MemoryReserve, is_spent_before_an_allocation_fails_and_made_good_when_there_is_memory_again) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  const int code = test::run_in_child([] {
    constexpr std::size_t kPiece = 64 << 10;
    std::vector<std::unique_ptr<char[]>> taken;
    taken.reserve(10'000);
    set_memory_aside(4 << 20);
    if (memory_is_short()) return 1;
    grow_no_more();
    while (!memory_is_short() && taken.size() < 10'000) {
      taken.push_back(std::make_unique<char[]>(kPiece));
    }
    if (taken.size() == 10'000) return 2;
    // Still there is some, for what is under way.
    for (int i = 0; i < 10; ++i) taken.push_back(std::make_unique<char[]>(kPiece));
    taken.clear();
    return memory_is_short() ? 3 : 0;
  });
  EXPECT_EQ(code, 0);
}

TEST(MemoryReserve, nothing_is_short_where_none_was_put_aside) {
  EXPECT_EQ(test::run_in_child([] { return memory_is_short() ? 1 : 0; }), 0);
}

}  // namespace
}  // namespace ouro::os
