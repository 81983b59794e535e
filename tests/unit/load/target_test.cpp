#include "load/target.h"

#include <gtest/gtest.h>

namespace ouro::load {
namespace {

std::string refusal(std::string_view text) {
  const auto target = parse_target(text);
  return target ? "" : target.error().what;
}

TEST(TargetTest, addresses_are_echo_servers) {
  for (const char* text : {"127.0.0.1:7007", "[::1]:7007", "unix:/run/echo.sock"}) {
    const auto target = parse_target(text);
    ASSERT_TRUE(target) << text;
    EXPECT_EQ(target->protocol, Protocol::kEcho);
    EXPECT_EQ(target->address.to_string(), text);
    EXPECT_EQ(target->text, text);
  }
}

TEST(TargetTest, a_url_is_taken_apart) {
  const auto target = parse_target("http://127.0.0.1:8080/a/b?c=d#e");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->protocol, Protocol::kHttp);
  EXPECT_EQ(target->address.to_string(), "127.0.0.1:8080");
  EXPECT_EQ(target->host, "127.0.0.1:8080");
  EXPECT_EQ(target->path, "/a/b?c=d");
}

TEST(TargetTest, a_url_may_leave_out_port_and_path) {
  const auto target = parse_target("http://[::1]");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->address.to_string(), "[::1]:80");
  EXPECT_EQ(target->host, "[::1]");
  EXPECT_EQ(target->path, "/");
  EXPECT_EQ(parse_target("http://127.0.0.1?x")->path, "/?x");
}

TEST(TargetTest, what_is_wrong_is_said) {
  EXPECT_EQ(refusal("127.0.0.1"), "'127.0.0.1' has no port; try 127.0.0.1:7007");
  EXPECT_EQ(refusal(":80"), "':80' names no host");
  EXPECT_EQ(refusal("[::1:80"), "'[::1:80' has no closing bracket");
  EXPECT_EQ(refusal("127.0.0.1:70000"),
            "'127.0.0.1:70000' has no port between 1 and 65535 after the colon");
  EXPECT_EQ(refusal("https://x/"), "'https' is not spoken here; try http:// or ADDR:PORT");
  EXPECT_NE(refusal("http://x/\r\nEvil: yes"), "");
}

}  // namespace
}  // namespace ouro::load
