#include "proxy/config/server_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ouro::proxy {
namespace {

using Kind = ServerAddress::Kind;

std::string problem(std::string_view text) {
  const auto address = ServerAddress::parse(text);
  return address ? "nothing is wrong" : address.error().what;
}

TEST(ServerAddress, is_an_address_a_name_or_a_service) {
  EXPECT_EQ(ServerAddress::parse("10.0.0.1:80")->kind, Kind::kAddress);
  EXPECT_EQ(ServerAddress::parse("[2001:db8::1]:80")->address.port(), 80);
  EXPECT_EQ(ServerAddress::parse("unix:/run/web.sock")->address.path(), "/run/web.sock");
  const auto name = ServerAddress::parse("my_db.Example:5432");
  EXPECT_EQ(name->kind, Kind::kName);
  EXPECT_EQ(name->host, "my_db.example");
  EXPECT_EQ(name->port, 5432);
  const auto service = ServerAddress::parse("srv:_pg._tcp.Example");
  EXPECT_EQ(service->kind, Kind::kService);
  EXPECT_EQ(service->host, "_pg._tcp.example");
}

TEST(ServerAddress, is_written_the_same_for_all_texts_that_mean_it) {
  for (const char* text : {"10.0.0.1:80", "[2001:db8::1]:80", "unix:/run/web.sock", "db.example:1",
                           "db:65535", "db.example.:1", "srv:_pg._tcp.example"}) {
    EXPECT_EQ(ServerAddress::parse(text)->to_string(), text);
  }
  EXPECT_EQ(ServerAddress::parse("[2001:DB8:0::1]:080")->to_string(), "[2001:db8::1]:80");
  EXPECT_EQ(ServerAddress::parse("DB.example:80")->to_string(), "db.example:80");
}

TEST(ServerAddress, says_what_is_wrong_with_a_text) {
  for (const std::string text : {"", "10.0.0.1", "web", "web:", "web:0", "web:65536", "web:-1",
                                 "web:80x", "[::1]", "10.0.0.1:0"}) {
    EXPECT_EQ(problem(text), "'" + text + "' has no port from 1 to 65535 at its end");
  }
  EXPECT_EQ(problem("::1:80"), "'::1:80' is not an address; IPv6 is written [::1]:80");
  EXPECT_EQ(problem("10.0.0.256:80"),
            "'10.0.0.256' is not an IP address; IPv6 is written [::1]:7007");
  EXPECT_EQ(problem("web.1:80"), "'web.1' is not an IP address; IPv6 is written [::1]:7007");
  for (const std::string text :
       {"web server:80", "-web:80", "web..example:80", ":80", "w\u00fcb:80"}) {
    EXPECT_EQ(problem(text), "'" + text +
                                 "' is not an address; try 10.0.0.1:80, [::1]:80, name:80, "
                                 "unix:/path or srv:_service._tcp.name");
  }
  const std::string longest(63, 'a');
  EXPECT_EQ(problem(longest + ":80"), "nothing is wrong");
  EXPECT_NE(problem(longest + "a:80"), "nothing is wrong");
  EXPECT_EQ(problem("we\nb:80"), "'we\nb:80' holds a control character");
  for (const std::string text : {"srv:", "srv:pg._tcp.example", "srv:_pg._tcp",
                                 "srv:_pg._tcp.example:80", "srv:_pg.tcp.example"}) {
    EXPECT_EQ(problem(text),
              "'" + text + "' is not a service; try srv:_service._tcp.example.com, without a port");
  }
}

}  // namespace
}  // namespace ouro::proxy
