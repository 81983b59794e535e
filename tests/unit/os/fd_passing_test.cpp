#include "os/fd_passing.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

namespace ouro::os {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class FdPassing : public testing::Test {
 protected:
  SocketPair pair_ = *make_socket_pair();
  std::array<std::byte, 64> into_{};
  std::vector<Fd> fds_;
};

TEST_F(FdPassing, nothing_there_is_said_at_once) {
  EXPECT_EQ(receive_message(pair_.first.get(), into_, fds_).what, Received::kNothing);
}

TEST_F(FdPassing, messages_keep_their_borders_and_order) {
  ASSERT_TRUE(send_message(pair_.first.get(), bytes_of("one")));
  ASSERT_TRUE(send_message(pair_.first.get(), bytes_of("three")));
  EXPECT_EQ(receive_message(pair_.second.get(), into_, fds_).size, 3u);
  EXPECT_EQ(receive_message(pair_.second.get(), into_, fds_).size, 5u);
}

TEST_F(FdPassing, a_passed_descriptor_is_the_same_open_file) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const Fd reading(pipe[0]);
  Fd writing(pipe[1]);
  const std::array<int, 1> sent{writing.get()};
  ASSERT_TRUE(send_message(pair_.first.get(), bytes_of("x"), sent));
  writing.reset();
  ASSERT_EQ(receive_message(pair_.second.get(), into_, fds_).what, Received::kMessage);
  ASSERT_EQ(fds_.size(), 1u);
  EXPECT_EQ(::write(fds_[0].get(), "hi", 2), 2);
  std::array<char, 2> got{};
  EXPECT_EQ(::read(reading.get(), got.data(), got.size()), 2);
}

TEST_F(FdPassing, a_batch_arrives_whole) {
  const std::vector<int> sent(kPassedFdsMax, pair_.first.get());
  ASSERT_TRUE(send_message(pair_.first.get(), bytes_of("x"), sent));
  const Reception reception = receive_message(pair_.second.get(), into_, fds_);
  EXPECT_EQ(fds_.size(), kPassedFdsMax);
  EXPECT_FALSE(reception.lost_fds);
}

TEST_F(FdPassing, the_death_of_the_other_side_is_told) {
  pair_.first.reset();
  EXPECT_EQ(receive_message(pair_.second.get(), into_, fds_).what, Received::kGone);
  EXPECT_FALSE(send_message(pair_.second.get(), bytes_of("x")));
}

TEST_F(FdPassing, a_full_queue_refuses_instead_of_waiting) {
  int sent = 0;
  while (sent < 100'000 && send_message(pair_.first.get(), bytes_of("x"))) ++sent;
  EXPECT_GT(sent, 10);
  EXPECT_LT(sent, 100'000);
}

}  // namespace
}  // namespace ouro::os
