#include "proxy/config/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ouro::proxy {
namespace {

bool holds(std::string_view block, std::string_view address) {
  const auto network = Network::parse(block);
  EXPECT_TRUE(network) << block;
  return network && network->contains(*Address::parse(address));
}

std::string trouble(std::string_view text) {
  const auto network = Network::parse(text);
  return network ? "nothing is wrong" : network.error().what;
}

TEST(Network, holds_the_addresses_that_begin_like_it) {
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.1.2:80"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0:80"));
  EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.255:1"));
  EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.127:1"));
  EXPECT_TRUE(holds("192.0.2.7", "192.0.2.7:1"));
  EXPECT_FALSE(holds("192.0.2.7", "192.0.2.6:1"));
  EXPECT_TRUE(holds("2001:db8::/33", "[2001:db8:7fff::1]:1"));
  EXPECT_FALSE(holds("2001:db8::/33", "[2001:db8:8000::1]:1"));
  EXPECT_TRUE(holds("::1", "[::1]:1"));
  EXPECT_FALSE(holds("::1", "[::2]:1"));
}

TEST(Network, of_no_bits_is_all_of_its_family) {
  EXPECT_TRUE(holds("0.0.0.0/0", "203.0.113.9:1"));
  EXPECT_FALSE(holds("0.0.0.0/0", "[2001:db8::1]:1"));
  EXPECT_TRUE(holds("::/0", "[2001:db8::1]:1"));
  EXPECT_FALSE(holds("::/0", "203.0.113.9:1"));
  EXPECT_FALSE(holds("0.0.0.0/0", "unix:/run/x"));
}

TEST(Network, knows_ipv4_that_is_written_as_ipv6) {
  EXPECT_TRUE(holds("10.0.0.0/8", "[::ffff:10.1.2.3]:80"));
  EXPECT_TRUE(holds("::ffff:10.0.0.0/104", "10.1.2.3:80"));
  EXPECT_TRUE(holds("::ffff:192.0.2.7", "192.0.2.7:80"));
  EXPECT_EQ(*Network::parse("::ffff:10.0.0.0/104"), *Network::parse("10.0.0.0/8"));
  EXPECT_FALSE(holds("::/0", "[::ffff:10.1.2.3]:80"));
}

TEST(Network, is_written_as_it_would_be_read) {
  for (const char* text :
       {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7", "2001:db8::/32", "::1", "::/0"}) {
    EXPECT_EQ(Network::parse(text)->to_string(), text);
  }
  EXPECT_EQ(Network::parse("192.0.2.7/32")->to_string(), "192.0.2.7");
}

TEST(Network, says_what_is_wrong_with_a_text) {
  const std::string none =
      " is not a block of addresses; try 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7";
  for (const std::string text : {"", "/8", "10.0.0/8", "10.0.0.0:80", "[::1]", "example.com", "::g",
                                 "fe80::1%eth0", "unix:/x", " 10.0.0.0/8"}) {
    EXPECT_EQ(trouble(text), "'" + text + "'" + none);
  }
  for (const std::string text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
                                 "10.0.0.0/8 ", "10.0.0.0/99999999999"}) {
    EXPECT_EQ(trouble(text), "'" + text + "' has no prefix from 0 to 32 after the slash");
  }
  EXPECT_EQ(trouble("::/129"), "'::/129' has no prefix from 0 to 128 after the slash");
  EXPECT_EQ(trouble("::ffff:10.0.0.0/95"),
            "'::ffff:10.0.0.0/95' has no prefix from 96 to 128 after the slash");
  EXPECT_EQ(trouble("10.0.0.1/8"), "'10.0.0.1/8' has bits beyond its prefix; write 10.0.0.0/8");
  EXPECT_EQ(trouble("2001:db8::1/32"),
            "'2001:db8::1/32' has bits beyond its prefix; write 2001:db8::/32");
  EXPECT_EQ(trouble("1.2.3.4/0"), "'1.2.3.4/0' has bits beyond its prefix; write 0.0.0.0/0");
}

TEST(Network, any_of_several_will_do) {
  const std::vector<Network> networks{*Network::parse("10.0.0.0/8"), *Network::parse("::1")};
  EXPECT_TRUE(any_contains(networks, *Address::parse("10.1.1.1:1")));
  EXPECT_TRUE(any_contains(networks, *Address::parse("[::1]:1")));
  EXPECT_FALSE(any_contains(networks, *Address::parse("11.1.1.1:1")));
  EXPECT_FALSE(any_contains({}, *Address::parse("10.1.1.1:1")));
}

}  // namespace
}  // namespace ouro::proxy
