#include "proxy/wire/address_bytes.h"

#include <gtest/gtest.h>

#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

TEST(AddressBytes, ipv4_becomes_a_mapped_ipv6) {
  const auto ipv4 = ipv6_bytes(at("192.0.2.7:80"));
  ASSERT_TRUE(ipv4);
  EXPECT_TRUE(is_mapped_ipv4(*ipv4));
  EXPECT_EQ(*ipv4, *ipv6_bytes(at("[::ffff:192.0.2.7]:80")));
  EXPECT_FALSE(is_mapped_ipv4(*ipv6_bytes(at("[2001:db8::1]:80"))));
}

TEST(AddressBytes, what_has_no_ip_has_no_bytes) {
  EXPECT_FALSE(ipv6_bytes(Address{}));
  EXPECT_FALSE(ipv6_bytes(at("unix:/run/a.sock")));
}

TEST(AddressBytes, an_address_comes_back_from_its_bytes) {
  EXPECT_EQ(address_from_ip(bytes("\xc0\x00\x02\x07"), 80), at("192.0.2.7:80"));
  std::string loopback(16, '\0');
  loopback.back() = '\1';
  EXPECT_EQ(address_from_ip(loopback, 65535), at("[::1]:65535"));
  EXPECT_EQ(address_from_path("/run/a.sock"), at("unix:/run/a.sock"));
  EXPECT_EQ(address_from_path(bytes("/a\0b")), at("unix:/a"));
}

TEST(AddressBytes, a_path_has_1_to_107_bytes) {
  EXPECT_EQ(address_from_path(std::string(107, 'a')).path(), std::string(107, 'a'));
  EXPECT_EQ(address_from_path(std::string(108, 'a')).family(), Address::Family::kNone);
  EXPECT_EQ(address_from_path("").family(), Address::Family::kNone);
  EXPECT_EQ(address_from_path(bytes("\0abstract")).family(), Address::Family::kNone);
}

TEST(ClientHash, it_does_not_see_the_port_nor_how_ipv4_is_written) {
  EXPECT_EQ(client_hash(at("192.0.2.7:1")), client_hash(at("192.0.2.7:2")));
  EXPECT_EQ(client_hash(at("192.0.2.7:1")), client_hash(at("[::ffff:192.0.2.7]:1")));
  EXPECT_NE(client_hash(at("192.0.2.7:1")), client_hash(at("192.0.2.8:1")));
  EXPECT_NE(client_hash(at("[2001:db8::1]:1")), client_hash(at("[2001:db8::2]:1")));
}

TEST(ClientHash, it_stays_what_it_is_from_release_to_release) {
  EXPECT_EQ(client_hash(at("192.0.2.7:1")), 4192323402374766844u);
  EXPECT_EQ(client_hash(at("unix:/a")), 0u);
}

}  // namespace
}  // namespace ouro::proxy
