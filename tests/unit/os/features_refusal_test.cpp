#include "os/features_refusal.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "os/features_files.h"

namespace ouro::os::trial {
namespace {

Surroundings plain() {
  Surroundings around;
  around.kernel = "6.12.0";
  around.memlock_bytes = 65536;
  return around;
}

std::string explain(int error, const Surroundings& around) {
  const Refusal refusal = explain_refusal("io_uring_setup", error, around);
  return refusal.why + "; " + refusal.advice;
}

TEST(Refusal, by_sysctl_names_the_sysctl_even_under_seccomp) {
  Surroundings around = plain();
  around.disabled = 2;
  around.seccomp = true;
  EXPECT_NE(explain(EPERM, around).find("kernel.io_uring_disabled=2"), std::string::npos);
}

TEST(Refusal, of_all_but_a_group_names_the_group) {
  Surroundings around = plain();
  around.disabled = 1;
  EXPECT_NE(explain(EPERM, around).find("no group is named"), std::string::npos);
  around.group = 990;
  EXPECT_NE(explain(EPERM, around).find("group 990"), std::string::npos);
}

TEST(Refusal, without_filter_and_sysctl_is_a_security_modules) {
  EXPECT_NE(explain(EPERM, plain()).find("security module"), std::string::npos);
}

TEST(Refusal, of_a_call_nobody_knows_tells_gvisor_seccomp_and_old_kernels_apart) {
  EXPECT_NE(explain(ENOSYS, plain()).find("CONFIG_IO_URING"), std::string::npos);
  Surroundings filtered = plain();
  filtered.seccomp = true;
  EXPECT_NE(explain(ENOSYS, filtered).find("seccomp"), std::string::npos);
  Surroundings sandbox = plain();
  sandbox.kernel = "4.19.0-gvisor";
  EXPECT_NE(explain(ENOSYS, sandbox).find("runc"), std::string::npos);
}

TEST(Refusal, for_lack_of_memory_blames_the_limit_only_where_it_counts) {
  Surroundings around = plain();
  EXPECT_NE(explain(ENOMEM, around).find("64 KiB"), std::string::npos);
  EXPECT_NE(explain(ENOMEM, around).find("LimitMEMLOCK"), std::string::npos);
  around.locks_memory = true;
  EXPECT_EQ(explain(ENOMEM, around).find("LimitMEMLOCK"), std::string::npos);
}

TEST(Refusal, always_begins_with_the_call_and_the_errno) {
  for (const int error : {EPERM, ENOSYS, ENOMEM, EINVAL, EMFILE, ENFILE, EIO}) {
    const std::string begin = "io_uring_setup says " + errno_name(error) + ": ";
    EXPECT_TRUE(explain(error, plain()).starts_with(begin)) << explain(error, plain());
  }
}

TEST(Refusal, gives_sizes_in_the_unit_that_reads_best) {
  EXPECT_EQ(limit_text(0), "0 bytes");
  EXPECT_EQ(limit_text(65536), "64 KiB");
  EXPECT_EQ(limit_text(8 << 20), "8 MiB");
  EXPECT_EQ(limit_text(~std::uint64_t{0}), "unlimited");
}

TEST(KernelFiles, give_the_value_of_a_field) {
  const std::string status = "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\nEmpty:\n";
  EXPECT_EQ(field_of(status, "Seccomp"), "2");
  EXPECT_EQ(field_of(status, "Name"), "x");
  EXPECT_EQ(field_of(status, "Empty"), "");
  EXPECT_EQ(field_of(status, "Missing"), "");
}

TEST(KernelFiles, that_do_not_exist_are_empty) {
  EXPECT_EQ(read_small_file("/proc/no_such_file"), "");
  EXPECT_EQ(read_number("/proc/no_such_file", -7), -7);
  EXPECT_GT(read_number("/proc/sys/fs/nr_open", -7), 0);
}

}  // namespace
}  // namespace ouro::os::trial
