// Makes one system call or ring operation of the engine fail. The calls are caught by the linker
// (--wrap), so the engine under test is the very one that is shipped, with no hook in it.
#pragma once

#include <cstdint>
#include <string>

namespace ouro::test::failing {

// From now on the calls of all threads but this one are counted, and the one with this number
// fails, in the way with this number. Both count from 0.
void arm(std::uint64_t call, std::uint64_t way);

struct Report {
  std::string call;      // "receive"; empty: there were not so many
  bool has_way = false;  // false: it was let through, there are not so many ways
  int error = 0;
};
// Stops counting, and tells what came of it.
Report disarm();

}  // namespace ouro::test::failing
