#include "ctl/answer.h"

#include <gtest/gtest.h>

namespace ouro::ctl {
namespace {

const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\nhello";

bool is_garbage(std::string_view received) { return !parse_answer(received).has_value(); }

TEST(CtlAnswer, is_read_once_it_is_whole) {
  for (std::size_t i = 0; i < kGood.size(); ++i) {
    const auto answer = parse_answer(kGood.substr(0, i));
    ASSERT_TRUE(answer) << i;
    EXPECT_FALSE(*answer) << i;
  }
  const auto answer = parse_answer(kGood);
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->status, 200);
  EXPECT_EQ((*answer)->body, "hello");
}

TEST(CtlAnswer, needs_one_length) {
  EXPECT_TRUE(is_garbage("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_TRUE(is_garbage("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"));
  for (const char* wrong : {"", "-1", "1a", "99999999999999999999", "16777217"}) {
    EXPECT_TRUE(is_garbage(std::string("HTTP/1.1 200 OK\r\nContent-Length: ") + wrong + "\r\n\r\n"))
        << wrong;
  }
}

TEST(CtlAnswer, other_things_than_http_are_known_at_once) {
  EXPECT_TRUE(is_garbage("220 mail.example ESMTP"));
  EXPECT_TRUE(is_garbage("HTTP/1.0"));
  EXPECT_TRUE(is_garbage(std::string(1, '\0')));
  EXPECT_TRUE(is_garbage("HTTP/1.1 " + std::string(kHeadBytesMax, 'a')));
  for (const char* wrong : {"20", "2000", "0200", "abc", "099", "100 Continue"}) {
    EXPECT_TRUE(is_garbage(std::string("HTTP/1.1 ") + wrong + "\r\nContent-Length: 0\r\n\r\n"))
        << wrong;
  }
}

TEST(PercentEncoding, leaves_what_means_nothing_in_a_query) {
  EXPECT_EQ(percent_encoded("azAZ09-._~"), "azAZ09-._~");
  EXPECT_EQ(percent_encoded("u/[::1]:80"), "u%2F%5B%3A%3A1%5D%3A80");
  EXPECT_EQ(percent_encoded("%&=+ \xff"), "%25%26%3D%2B%20%FF");
}

}  // namespace
}  // namespace ouro::ctl
