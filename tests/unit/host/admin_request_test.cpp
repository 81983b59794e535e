#include "host/admin_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ouro::host {
namespace {

int status_of(std::string_view received) {
  const auto request = parse_admin_request(received);
  return request ? request->status : 0;
}

TEST(AdminRequest, a_get_is_understood) {
  const auto request = parse_admin_request("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->status, 200);
  EXPECT_EQ(request->path, "/metrics");
  EXPECT_EQ(request->query, "x=1");
  EXPECT_FALSE(request->head);
}

TEST(AdminRequest, a_head_is_understood) {
  const auto request = parse_admin_request("HEAD /healthz HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->status, 200);
  EXPECT_TRUE(request->head);
}

TEST(AdminRequest, a_post_is_understood) {
  const auto request = parse_admin_request("POST /reload HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->status, 200);
  EXPECT_EQ(request->path, "/reload");
  EXPECT_EQ(request->query, "");
  EXPECT_TRUE(request->post);
}

TEST(AdminRequest, it_is_not_complete_before_its_empty_line) {
  const std::string whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(status_of(whole.substr(0, i)), 0) << i;
  EXPECT_EQ(status_of(whole), 200);
}

TEST(AdminRequest, other_methods_are_not_allowed) {
  EXPECT_EQ(status_of("PUT / HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
  EXPECT_EQ(status_of("post / HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
  EXPECT_EQ(status_of("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
}

TEST(AdminRequest, what_is_no_request_is_refused) {
  EXPECT_EQ(status_of("nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET metrics HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\n\n\r\n\r\n"), 400);
}

TEST(AdminRequest, the_fields_must_be_fields) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n"), 400);
}

TEST(AdminRequest, one_host_and_no_body) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(AdminRequest, that_there_is_no_body_may_be_said_once) {
  const auto with = [](const std::string& fields) {
    return status_of("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  };
  EXPECT_EQ(with("Content-Length: 0\r\n"), 200);
  EXPECT_EQ(with("content-length:0 \r\n"), 200);
  for (const char* wrong : {"", "1", "00", "+0", "-0", "0,0", "0 0", "0x0", "a"}) {
    EXPECT_EQ(with(std::string("Content-Length: ") + wrong + "\r\n"), 400) << wrong;
  }
  EXPECT_EQ(with("Content-Length: 0\r\nContent-Length: 0\r\n"), 400);
}

TEST(OnlyParameter, is_found_and_decoded) {
  EXPECT_EQ(only_parameter("name=web", "name"), "web");
  EXPECT_EQ(only_parameter("name=web%2f10.0.0.1%3A80", "name"), "web/10.0.0.1:80");
  EXPECT_EQ(only_parameter("name=web/[::1]:80", "name"), "web/[::1]:80");
  EXPECT_EQ(only_parameter("name=a+b=c", "name"), "a+b=c");
  EXPECT_EQ(only_parameter("name=%25%00%ff", "name"), std::string("%\0\xff", 3));
}

TEST(OnlyParameter, nothing_is_guessed) {
  for (const char* wrong : {"", "name", "name=", "Name=a", "names=a", "a=name", "name=a&b=c",
                            "b=c&name=a", "name=a&", "name=%", "name=%4", "name=%4g", "name=a%"}) {
    EXPECT_EQ(only_parameter(wrong, "name"), std::nullopt) << wrong;
  }
}

TEST(AdminRequest, other_versions_are_not_spoken) {
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
}

TEST(AdminRequest, too_long_is_said_even_without_an_end) {
  EXPECT_EQ(status_of("GET /" + std::string(kRequestBytesMax, 'x')), 431);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: " + std::string(kRequestBytesMax, 'x') + "\r\n\r\n"),
            431);
}

TEST(AdminResponse, it_has_a_length_and_closes) {
  EXPECT_THAT(admin_response({200, "hello"}, false),
              testing::AllOf(testing::StartsWith("HTTP/1.1 200 OK\r\n"),
                             testing::HasSubstr("\r\nContent-Length: 5\r\n"),
                             testing::HasSubstr("\r\nConnection: close\r\n"),
                             testing::EndsWith("\r\n\r\nhello")));
}

TEST(AdminResponse, a_head_gets_the_length_and_no_body) {
  EXPECT_THAT(admin_response({200, "hello"}, true),
              testing::AllOf(testing::HasSubstr("\r\nContent-Length: 5\r\n"),
                             testing::EndsWith("\r\n\r\n")));
}

TEST(AdminResponse, a_refused_method_is_told_which_are_allowed) {
  EXPECT_THAT(admin_response(plain_answer(405, "POST"), false),
              testing::AllOf(testing::HasSubstr("\r\nAllow: POST\r\n"),
                             testing::EndsWith("\r\n\r\nMethod Not Allowed\n")));
}

}  // namespace
}  // namespace ouro::host
