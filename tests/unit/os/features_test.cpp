#include "os/features.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>

#include "support/seccomp_refuse.h"

namespace ouro::os {
namespace {

std::ptrdiff_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

bool in_force(const Features& features, const char* key) {
  const FeatureLine* line = find_line(features, key);
  return line != nullptr && line->in_force;
}

// What the probe says about io_uring in a child, after `prepare` has taken something away from it.
template <typename Prepare>
Features probe_in_child(const Prepare& prepare) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string said = "cannot prepare";
    if (prepare()) {
      const Features features = probe_features();
      said = (features.uring ? "1" : "0") + features.uring_refusal;
    }
    const ssize_t written = ::write(ends[1], said.data(), said.size());
    ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::array<char, 4096> said{};
  const ssize_t size = ::read(ends[0], said.data(), said.size());
  ::close(ends[0]);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  Features features;
  if (size < 1) return features;
  features.uring = said[0] == '1';
  features.uring_refusal.assign(said.data() + 1, static_cast<std::size_t>(size) - 1);
  return features;
}

TEST(Features, leave_no_file_open) {
  static_cast<void>(probe_features(ProbeDepth::kReport));  // whatever libraries open once is open
  const std::ptrdiff_t before = open_files();
  for (int i = 0; i < 3; ++i) static_cast<void>(probe_features(ProbeDepth::kReport));
  EXPECT_EQ(open_files(), before);
}

TEST(Features, come_out_alike_each_time) {
  const Features first = probe_features();
  const Features second = probe_features();
  ASSERT_EQ(first.lines.size(), second.lines.size());
  for (std::size_t i = 0; i < first.lines.size(); ++i) {
    // Whether a huge page is free just now is the machine's affair.
    if (first.lines[i].key == "huge_pages") continue;
    EXPECT_EQ(first.lines[i].in_force, second.lines[i].in_force) << first.lines[i].key;
  }
}

TEST(Features, have_a_line_of_their_own_each) {
  const Features features = probe_features();
  std::set<std::string> keys;
  for (const FeatureLine& line : features.lines) {
    EXPECT_TRUE(keys.insert(line.key).second) << line.key;
    EXPECT_FALSE(line.name.empty()) << line.key;
    EXPECT_FALSE(line.why.empty()) << line.key;
  }
  EXPECT_FALSE(features.kernel.empty());
  EXPECT_EQ(find_line(features, "no_such_thing"), nullptr);
}

TEST(Features, say_why_exactly_when_io_uring_is_refused) {
  const Features features = probe_features();
  EXPECT_EQ(features.uring, features.uring_refusal.empty());
  EXPECT_EQ(features.uring, in_force(features, "uring"));
}

TEST(Features, with_io_uring_include_all_that_is_essential) {
  const Features features = probe_features();
  if (!features.uring) GTEST_SKIP() << features.uring_refusal;
  for (const FeatureLine& line : features.lines) {
    const bool essential = line.use == FeatureUse::kEssential;
    EXPECT_TRUE(line.in_force || !essential) << line.key << ": " << line.why;
  }
  EXPECT_TRUE(in_force(features, "operations"));
}

TEST(Features, agree_with_each_other) {
  const Features features = probe_features();
  EXPECT_TRUE(features.single_issuer || !features.defer_taskrun);
  EXPECT_TRUE(features.coop_taskrun || features.defer_taskrun || !features.taskrun_flag);
  EXPECT_TRUE(features.multishot_receive || !features.receive_limit);
  EXPECT_TRUE(features.send_zero_copy || !features.zero_copy_report);
  EXPECT_EQ(features.restrictions, in_force(features, "restrictions"));
  EXPECT_EQ(features.receive_limit, in_force(features, "receive_limit"));
}

TEST(Features, under_a_filter_like_dockers_name_seccomp_and_the_three_calls) {
  const Features features = probe_in_child([] { return test::refuse_io_uring(EPERM); });
  EXPECT_FALSE(features.uring);
  for (const char* word :
       {"EPERM", "seccomp", "io_uring_setup", "io_uring_enter", "io_uring_register", "profile"}) {
    EXPECT_NE(features.uring_refusal.find(word), std::string::npos) << features.uring_refusal;
  }
}

TEST(Features, under_a_filter_that_hides_the_call_name_seccomp) {
  const Features features = probe_in_child([] { return test::refuse_io_uring(ENOSYS); });
  EXPECT_FALSE(features.uring);
  EXPECT_NE(features.uring_refusal.find("ENOSYS"), std::string::npos) << features.uring_refusal;
  EXPECT_NE(features.uring_refusal.find("seccomp"), std::string::npos) << features.uring_refusal;
}

TEST(Features, without_locked_memory_work_or_name_the_limit) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  const Features features = probe_in_child([] {
    constexpr uid_t kNobody = 65534;
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    return ::setrlimit(RLIMIT_MEMLOCK, &none) == 0 && ::setresuid(kNobody, kNobody, kNobody) == 0;
  });
  // Some kernels charge no rings to the limit.
  if (features.uring) GTEST_SKIP() << "this kernel charges no rings";
  for (const char* word : {"ENOMEM", "locked memory", "0 bytes", "LimitMEMLOCK"}) {
    EXPECT_NE(features.uring_refusal.find(word), std::string::npos) << features.uring_refusal;
  }
}

}  // namespace
}  // namespace ouro::os
