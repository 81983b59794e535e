#include "proxy/wire/proxy_tlv.h"

#include <gtest/gtest.h>

#include "proxy/wire/crc32c.h"
#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

std::string tlv(int type, std::string_view value) {
  return big_endian(static_cast<std::size_t>(type), 1) + big_endian(value.size(), 2) +
         std::string(value);
}

TEST(Crc32c, it_is_castagnolis) {
  Crc32c crc;
  crc.add("1234");
  crc.add("56789");
  EXPECT_EQ(crc.value(), 0xe3069283u);
  EXPECT_EQ(Crc32c{}.value(), 0u);
}

TEST(Tlv, elements_come_in_their_order_without_the_padding) {
  const std::string list = tlv(1, "h2") + tlv(4, "padding") + tlv(2, "a.example") + tlv(0xee, "");
  TlvReader reader(list);
  EXPECT_EQ(reader.next()->value, "h2");
  const auto second = reader.next();
  EXPECT_EQ(second->type, TlvType::kAuthority);
  EXPECT_EQ(second->value, "a.example");
  EXPECT_EQ(reader.next()->type, static_cast<TlvType>(0xee));
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.whole());
}

TEST(Tlv, an_element_beyond_the_end_is_none) {
  const std::string list = tlv(1, "h2") + tlv(2, "abc");
  for (std::size_t cut = 1; cut < 6; ++cut) {
    TlvReader reader(std::string_view(list).substr(0, list.size() - cut));
    EXPECT_TRUE(reader.next());
    EXPECT_FALSE(reader.next()) << cut;
    EXPECT_FALSE(reader.whole()) << cut;
  }
}

TEST(Tlv, the_first_of_a_type_is_found) {
  const std::string list = tlv(0x30, "blue") + tlv(5, "id") + tlv(0x30, "red");
  EXPECT_EQ(find_tlv(list, TlvType::kNetns), "blue");
  EXPECT_EQ(find_tlv(list, TlvType::kUniqueId), "id");
  EXPECT_EQ(find_tlv(list, TlvType::kAlpn), std::nullopt);
}

TEST(SslTlv, it_says_how_the_client_spoke) {
  const std::string value = bytes("\x07\0\0\0\0") + tlv(0x21, "TLSv1.3") + tlv(0x22, "joe");
  const auto ssl = read_ssl_tlv(value);
  ASSERT_TRUE(ssl);
  EXPECT_TRUE(ssl->tls && ssl->certificate && ssl->certificate_in_session && ssl->verified);
  EXPECT_EQ(find_tlv(ssl->tlvs, TlvType::kSslVersion), "TLSv1.3");
  EXPECT_EQ(find_tlv(ssl->tlvs, TlvType::kSslCommonName), "joe");
}

TEST(SslTlv, without_a_certificate_nothing_was_verified) {
  EXPECT_FALSE(read_ssl_tlv(bytes("\x01\0\0\0\0"))->verified);
  EXPECT_FALSE(read_ssl_tlv(bytes("\x03\0\0\0\1"))->verified);
}

TEST(SslTlv, what_is_in_it_has_to_end_with_it) {
  EXPECT_FALSE(read_ssl_tlv(""));
  EXPECT_FALSE(read_ssl_tlv(bytes("\x01\0\0\0")));
  EXPECT_FALSE(read_ssl_tlv(bytes("\x01\0\0\0\0\x21\0\x02x")));
  EXPECT_FALSE(good_tlvs(tlv(0x20, bytes("\x01\0\0\0\0\x21\0\x02x")), 0));
}

TEST(GoodTlvs, a_unique_id_has_128_bytes_at_most) {
  EXPECT_TRUE(good_tlvs(tlv(5, std::string(128, 'x')), 0));
  EXPECT_FALSE(good_tlvs(tlv(5, std::string(129, 'x')), 0));
}

TEST(GoodTlvs, a_checksum_is_right_and_alone) {
  std::string list = tlv(1, "h2") + tlv(3, bytes("\0\0\0\0")) + tlv(4, "after");
  Crc32c crc;
  crc.add(list);
  list.replace(8, 4, big_endian(crc.value(), 4));
  EXPECT_TRUE(good_tlvs(list, 0));
  for (std::size_t i = 8; i < list.size(); ++i) {
    std::string broken = list;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_FALSE(good_tlvs(broken, 0)) << i;
  }
  EXPECT_FALSE(good_tlvs(list + list.substr(5, 7), 0));
  EXPECT_FALSE(good_tlvs(tlv(3, "123"), 0));
}

}  // namespace
}  // namespace ouro::proxy
