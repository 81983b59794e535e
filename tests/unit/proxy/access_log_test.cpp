#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "os/clock.h"
#include "proxy/access/log.h"
#include "proxy/access/record.h"
#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

using testing::HasSubstr;

class AccessLogTest : public testing::Test {
 protected:
  void end_sessions(unsigned count) {
    AccessRecord record{.client = at("192.0.2.7:51234"), .listener = "front"};
    for (unsigned i = 0; i < count; ++i) {
      record.end.retries = i;
      std::array<std::byte, kRecordBytesMax> bytes;
      (void)rings_.ring(i % 2).put(pack(record, bytes));
    }
  }
  void write_to(const std::string& path) {
    auto file = os::open_for_appending(path);
    ASSERT_TRUE(file) << file.error().what;
    log_.write_to({std::move(*file), path, os::OutputKind::kOther}, AccessFormat::kText);
  }
  std::string path(const std::string& name) { return folder_ / name; }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static long lines(const std::string& text) { return std::ranges::count(text, '\n'); }
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("ouro_access_log_" + std::to_string(::getpid()));
  LogRings rings_ = *LogRings::create(2);
  AccessLog log_{rings_};
};

TEST_F(AccessLogTest, writes_what_is_in_all_rings) {
  write_to(path("log"));
  end_sessions(1000);
  log_.drain(os::now_ns());
  EXPECT_TRUE(log_.is_drained());
  EXPECT_EQ(lines(content(path("log"))), 1000);
  EXPECT_EQ(rings_.counters().written.get(), 1000u);
  EXPECT_EQ(rings_.dropped(), 0u);
}

TEST_F(AccessLogTest, what_ended_before_a_change_goes_to_the_former_file) {
  write_to(path("one"));
  end_sessions(3);
  write_to(path("other"));
  end_sessions(4);
  log_.drain(os::now_ns());
  EXPECT_EQ(lines(content(path("one"))), 3);
  EXPECT_EQ(lines(content(path("other"))), 4);
}

TEST_F(AccessLogTest, a_full_disk_costs_lines_and_is_counted) {
  write_to("/dev/full");
  end_sessions(5);
  log_.drain(os::now_ns());
  EXPECT_EQ(rings_.dropped(), 5u);
  EXPECT_EQ(rings_.counters().written.get(), 0u);
  std::string page;
  log_.append_metrics(page);
  EXPECT_THAT(page, HasSubstr("\nouro_access_log_dropped_total 5\n"));
  EXPECT_THAT(page, HasSubstr("\nouro_access_log_lines_total 0\n"));
}

std::string read_all(int fd) {
  std::string all;
  std::array<char, 65536> piece{};
  for (ssize_t got = 0; (got = ::read(fd, piece.data(), piece.size())) > 0;) {
    all.append(piece.data(), static_cast<std::size_t>(got));
  }
  return all;
}

// As stdout, and as a path that is a pipe.
TEST_F(AccessLogTest, a_full_pipe_holds_nobody_up_and_tears_no_line) {
  for (const std::string access : {"stdout", "/a/pipe"}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    if (access != "stdout") {
      ASSERT_EQ(::fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    }
    log_.write_to({os::Fd(ends[1]), access, os::OutputKind::kPipe}, AccessFormat::kText);
    end_sessions(2000);
    log_.drain(os::now_ns());
    EXPECT_FALSE(log_.is_drained());
    std::string all;
    for (int i = 0; i < 1000 && !log_.is_drained(); ++i) {
      all += read_all(ends[0]);
      log_.drain(os::now_ns());
    }
    all += read_all(ends[0]);
    EXPECT_EQ(lines(all), 2000);
    EXPECT_EQ(rings_.dropped(), 0u);
    std::istringstream in(all);
    for (std::string line; std::getline(in, line);) {
      ASSERT_TRUE(line.starts_with("time=") && line.ends_with("error=-")) << line;
    }
    log_.write_to({}, AccessFormat::kText);
    ::close(ends[0]);
  }
}

TEST_F(AccessLogTest, a_pipe_that_nobody_reads_costs_what_the_rings_cannot_hold) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const os::Fd reader(ends[0]);
  log_.write_to({os::Fd(ends[1]), "stdout", os::OutputKind::kPipe}, AccessFormat::kText);
  const unsigned many = 3 * kRingBytes / 100;
  for (unsigned i = 0; i < 20; ++i) {
    end_sessions(many / 20);
    log_.drain(os::now_ns());
  }
  EXPECT_GT(rings_.dropped(), 0u);
  EXPECT_LT(rings_.dropped(), many);
}

}  // namespace
}  // namespace ouro::proxy
