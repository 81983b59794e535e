#include "base/units.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace ouro {
namespace {

using namespace std::chrono_literals;

std::string why_not_a_size(const char* text) {
  const auto size = parse_size(text);
  return size ? "it is one" : size.error().what;
}

std::string why_not_a_time(const char* text) {
  const auto time = parse_duration(text);
  return time ? "it is one" : time.error().what;
}

TEST(Units, a_plain_number_is_bytes) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("1B"), 1u);
}

TEST(Units, size_units_are_powers_of_two_in_any_case) {
  EXPECT_EQ(parse_size("64k"), 65536u);
  EXPECT_EQ(parse_size("64K"), 65536u);
  EXPECT_EQ(parse_size("256KiB"), 262144u);
  EXPECT_EQ(parse_size("256kib"), 262144u);
  EXPECT_EQ(parse_size("1m"), 1048576u);
  EXPECT_EQ(parse_size("1MiB"), 1048576u);
  EXPECT_EQ(parse_size("3GiB"), 3221225472u);
}

TEST(Units, what_is_not_a_size_is_quoted_with_an_example) {
  for (const char* text : {"", "k", "12q", "-1", "+1", " 1", "1 ", "1 k", "1.5M", "0x10", "1KB",
                           "64kk", "KiB64", "1e6", "\xc3\xa9"}) {
    EXPECT_EQ(why_not_a_size(text), "'" + std::string(text) + "' is not a size; try 256KiB");
  }
}

TEST(Units, a_size_beyond_every_machine_is_too_large_and_never_wraps) {
  EXPECT_EQ(parse_size("8589934591GiB"), 9223372035781033984u);
  for (const char* text : {"8589934592GiB", "9223372036854775808", "18446744073709551616",
                           "99999999999999999999999999G", "18014398509481984k"}) {
    EXPECT_EQ(why_not_a_size(text), "'" + std::string(text) + "' is too large");
  }
}

TEST(Units, times_have_a_unit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("2s"), 2s);
  EXPECT_EQ(parse_duration("1m"), 1min);
  EXPECT_EQ(parse_duration("24h"), 24h);
}

TEST(Units, only_zero_needs_no_unit) {
  EXPECT_EQ(parse_duration("0"), 0ms);
  EXPECT_EQ(parse_duration("0s"), 0ms);
  EXPECT_EQ(why_not_a_time("2"), "'2' is not a time; try 2s or 500ms");
}

TEST(Units, what_is_not_a_time_is_quoted_with_an_example) {
  for (const char* text : {"", "s", "-1s", "1.5s", "1 s", "1sec", "1us", "s1", "forever"}) {
    EXPECT_EQ(why_not_a_time(text), "'" + std::string(text) + "' is not a time; try 2s or 500ms");
  }
  EXPECT_EQ(why_not_a_time("9223372036854775807s"), "'9223372036854775807s' is too large");
}

TEST(Units, what_is_formatted_is_exact_and_can_be_parsed) {
  for (const std::uint64_t bytes : {0ull, 1ull, 1000ull, 1024ull, 1025ull, 65536ull, 262144ull,
                                    1ull << 20, (1ull << 30) + 1024, 3ull << 30}) {
    EXPECT_EQ(parse_size(format_size(bytes)), bytes);
  }
  for (const std::chrono::milliseconds time : {0ms, 1ms, 1500ms, 2000ms, 90'000ms, 3'600'000ms}) {
    EXPECT_EQ(parse_duration(format_duration(time)), time);
  }
}

TEST(Units, the_largest_unit_that_fits_is_chosen) {
  EXPECT_EQ(format_size(262144), "256KiB");
  EXPECT_EQ(format_size(1u << 30), "1GiB");
  EXPECT_EQ(format_size(1025), "1025");
  EXPECT_EQ(format_duration(24h), "24h");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(0s), "0");
}

}  // namespace
}  // namespace ouro
