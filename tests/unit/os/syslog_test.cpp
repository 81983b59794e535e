#include "os/syslog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "ouro/address.h"

namespace ouro::os {
namespace {

// A log of its own, under a path of its own.
class Syslog : public testing::Test {
 protected:
  void SetUp() override { begin(); }
  void TearDown() override { ::unlink(path_.c_str()); }
  void begin() {
    ::unlink(path_.c_str());
    daemon_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const Address address = *Address::parse("unix:" + path_);
    ASSERT_EQ(::bind(daemon_.get(), address.raw(), address.raw_size()), 0);
  }
  std::string receive() {
    std::array<char, 1024> bytes{};
    const ssize_t got = ::recv(daemon_.get(), bytes.data(), bytes.size(), 0);
    return got < 0 ? "" : std::string(bytes.data(), static_cast<std::size_t>(got));
  }

  const std::string path_ = "/tmp/ouro_syslog_test_" + std::to_string(::getpid());
  Fd daemon_;
};

TEST_F(Syslog, gets_one_message_at_a_time) {
  const auto log = open_syslog(path_);
  ASSERT_TRUE(log) << log.error().what;
  EXPECT_EQ(send_to_syslog(log->get(), "one", path_).bytes, 3u);
  EXPECT_EQ(send_to_syslog(log->get(), "two", path_).bytes, 3u);
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(receive(), "two");
}

TEST_F(Syslog, that_is_full_holds_nobody_up) {
  const auto log = open_syslog(path_);
  Written written;
  for (int i = 0; i < 100'000 && written.system_errno == 0; ++i) {
    written = send_to_syslog(log->get(), std::string(500, 'x'), path_);
  }
  EXPECT_TRUE(written.is_full());
}

TEST_F(Syslog, that_was_started_anew_is_found_again) {
  const auto log = open_syslog(path_);
  daemon_.reset();
  EXPECT_NE(send_to_syslog(log->get(), "lost", path_).system_errno, 0);
  begin();
  EXPECT_EQ(send_to_syslog(log->get(), "found", path_).bytes, 5u);
  EXPECT_EQ(receive(), "found");
}

TEST_F(Syslog, that_is_not_there_is_a_failure_that_says_where) {
  const auto log = open_syslog("/tmp/ouro_no_such_log");
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().what, testing::HasSubstr("/tmp/ouro_no_such_log"));
}

TEST(SyslogHead, is_that_of_local0_and_info) {
  EXPECT_THAT(syslog_head("ouro"),
              testing::MatchesRegex("<134>[A-Z][a-z][a-z] [ 1-3][0-9] [0-9][0-9]:[0-9][0-9]:"
                                    "[0-9][0-9] ouro\\[[0-9]+\\]: "));
}

}  // namespace
}  // namespace ouro::os
