// What the engine's tests share: each runs on every engine, and some on every variant of one.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "ouro/ouro.h"

namespace ouro::test {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// One way to run the engine. The name is what the test's name ends with.
struct EngineCase {
  std::string name;
  EngineChoice engine = EngineChoice::kUring;
  LaboratoryOptions laboratory;
};

std::ostream& operator<<(std::ostream& out, const EngineCase& engine_case);

// uring and epoll, as they come.
[[nodiscard]] std::vector<EngineCase> engines();
// Both, and then each with one laboratory knob turned.
[[nodiscard]] std::vector<EngineCase> engine_variants();
// Those variants in which connections begin and end in ways of their own.
[[nodiscard]] std::vector<EngineCase> engine_lifecycles();
[[nodiscard]] std::string name_of(const testing::TestParamInfo<EngineCase>& info);

// Skips where the system refuses io_uring itself or the kernel lacks what a variant needs, never
// because the engine failed. A test that takes minutes is killed with its name.
class EngineTest : public testing::TestWithParam<EngineCase> {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] static WorkerOptions options();
  // A worker on the test's own thread.
  [[nodiscard]] static std::unique_ptr<Worker> make_worker(const WorkerOptions& with = options());
  // For tests that try many things: what to name when one of them hangs.
  static void about_to_try(const std::string& what);
  // Fixed files know one way to end: closing, both directions at once and never with RST.
  [[nodiscard]] static bool ends_as_a_whole() { return GetParam().laboratory.fixed_files; }
  // Bytes enough to fill what lies between a server and a client that does not read. Loopback drops
  // what was sent without a copy to a full receiver, and then resends slowly: few bytes there.
  [[nodiscard]] static std::uint64_t plenty() {
    return GetParam().laboratory.zero_copy == ZeroCopy::kOn ? 200'000 : 3'000'000;
  }
  [[nodiscard]] static bool is_uring() { return GetParam().engine == EngineChoice::kUring; }
};

}  // namespace ouro::test

// Every suite is instantiated under the same name.
#define OURO_ON(Suite, cases)                                                        \
  INSTANTIATE_TEST_SUITE_P(Engines, Suite, testing::ValuesIn(::ouro::test::cases()), \
                           ::ouro::test::name_of)
#define OURO_ON_ENGINES(Suite) OURO_ON(Suite, engines)
#define OURO_ON_VARIANTS(Suite) OURO_ON(Suite, engine_variants)
#define OURO_ON_LIFECYCLES(Suite) OURO_ON(Suite, engine_lifecycles)
