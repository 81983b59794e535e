#include "proxy/wire/proxy_header.h"

#include <gtest/gtest.h>

#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

const std::string kSignature = bytes("\r\n\r\n\0\r\nQUIT\n");

// A header of version 2 with its length filled in.
std::string version_2(int command, int family, const std::string& block) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) +
         big_endian(block.size(), 2) + block;
}
std::string ipv4_block() { return bytes("\xc0\0\2\1\xc0\0\2\2\xc3\x50\1\xbb"); }

Parse parse_of(const std::string& received) { return parse_proxy_header(received).state; }

void expect_addresses(const std::string& header, std::string_view source,
                      std::string_view destination) {
  const auto parsed = parse_proxy_header(header + "payload");
  ASSERT_EQ(parsed.state, Parse::kDone) << header;
  EXPECT_EQ(parsed.size, header.size());
  EXPECT_FALSE(parsed.header.local);
  EXPECT_EQ(parsed.header.source.to_string(), source);
  EXPECT_EQ(parsed.header.destination.to_string(), destination);
}

void expect_local(const std::string& header) {
  const auto parsed = parse_proxy_header(header + "payload");
  ASSERT_EQ(parsed.state, Parse::kDone) << header;
  EXPECT_EQ(parsed.size, header.size());
  EXPECT_TRUE(parsed.header.local);
  EXPECT_EQ(parsed.header.source.family(), Address::Family::kNone);
}

// At every length short of the whole, more is needed; and it always says how much, truly.
void expect_needs_all(const std::string& header) {
  for (std::size_t size = 0; size < header.size(); ++size) {
    const auto parsed = parse_proxy_header(header.substr(0, size));
    ASSERT_EQ(parsed.state, Parse::kNeedMore) << size << " of " << header;
    EXPECT_GT(parsed.size, size);
    EXPECT_LE(parsed.size, header.size());
  }
}

TEST(ProxyHeaderV1, it_names_both_ends) {
  expect_addresses("PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n", "192.0.2.1:50000",
                   "192.0.2.2:443");
  expect_addresses("PROXY TCP6 2001:DB8::1 ::1 0 65535\r\n", "[2001:db8::1]:0", "[::1]:65535");
}

TEST(ProxyHeaderV1, unknown_is_local_whatever_follows) {
  expect_local("PROXY UNKNOWN\r\n");
  expect_local("PROXY UNKNOWN ::1 anything at all\r\n");
  expect_local("PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n");
  EXPECT_EQ(parse_of("PROXY UNKNOWNS\r\n"), Parse::kWrong);
}

TEST(ProxyHeaderV1, it_ends_within_107_bytes) {
  const std::string line = "PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n";
  EXPECT_EQ(line.size(), 108u);
  EXPECT_EQ(parse_of(line), Parse::kWrong);
  EXPECT_EQ(parse_of(line.substr(0, 105)), Parse::kNeedMore);
  EXPECT_EQ(parse_of(line.substr(0, 106)), Parse::kWrong);
}

TEST(ProxyHeaderV1, it_may_come_byte_by_byte) {
  expect_needs_all("PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n");
  expect_needs_all("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 50000 443\r\n");
  expect_needs_all("PROXY UNKNOWN\r\n");
  expect_needs_all("PROXY UNKNOWN and more\r\n");
}

TEST(ProxyHeaderV1, what_is_no_line_is_wrong) {
  for (const char* line : {
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000\r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 443 \r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 443 1\r\n",
           "PROXY TCP4  192.0.2.1 192.0.2.2 50000 443\r\n",
           "PROXY TCP4 192.0.2.1  50000 443\r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 050000 443\r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 00\r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 65536\r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 -1\r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 \r\n",
           "PROXY TCP4 192.0.02.1 192.0.2.2 50000 443\r\n",
           "PROXY TCP4 192.0.2 192.0.2.2 50000 443\r\n",
           "PROXY TCP4 192.0.2.256 192.0.2.2 50000 443\r\n",
           "PROXY TCP4 ::1 ::1 50000 443\r\n",
           "PROXY TCP6 192.0.2.1 192.0.2.2 50000 443\r\n",
           "PROXY TCP6 ::1 ::1%eth0 50000 443\r\n",
           "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 50000 443\r\n",
           "PROXY TCP5 ::1 ::1 50000 443\r\n",
           "PROXY tcp4 192.0.2.1 192.0.2.2 50000 443\r\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\n",
           "PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\rx",
           "PROXY \r\n",
           "PROXY TCP4 \r\n",
           "PROXY TCP4\r\n",
       }) {
    EXPECT_EQ(parse_of(line), Parse::kWrong) << line;
  }
  EXPECT_EQ(parse_of(bytes("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n")), Parse::kWrong);
  EXPECT_EQ(parse_of("PROXY TCP6 " + std::string(80, '0') + " ::1 1 2\r\n"), Parse::kWrong);
  EXPECT_EQ(parse_of("PROXY TCP6 ::1 ::1 1 " + std::string(80, '0') + "\r\n"), Parse::kWrong);
}

TEST(ProxyHeader, what_begins_otherwise_is_wrong_at_once) {
  EXPECT_EQ(parse_of("G"), Parse::kWrong);
  EXPECT_EQ(parse_of("PX"), Parse::kWrong);
  EXPECT_EQ(parse_of("\r\r"), Parse::kWrong);
  EXPECT_EQ(parse_of("PROXY X"), Parse::kWrong);
  EXPECT_EQ(parse_of("PROXY TCP4 1."), Parse::kNeedMore);
  EXPECT_EQ(parse_of("PROXY TCP4 1.f"), Parse::kWrong);
  EXPECT_EQ(parse_of(kSignature + '\x11'), Parse::kWrong);
  EXPECT_EQ(parse_of(kSignature + '\x22'), Parse::kWrong);
  EXPECT_EQ(parse_of(kSignature + "\x21\x12"), Parse::kWrong);
}

TEST(ProxyHeaderV2, it_names_both_ends) {
  expect_addresses(version_2(0x21, 0x11, ipv4_block()), "192.0.2.1:50000", "192.0.2.2:443");
  const std::string ones(15, '\0');
  expect_addresses(version_2(0x21, 0x21, ones + '\1' + ones + '\2' + bytes("\0\1\xff\xff")),
                   "[::1]:1", "[::2]:65535");
  std::string paths = "/run/from";
  paths.resize(108);
  paths += "/run/to";
  paths.resize(216);
  expect_addresses(version_2(0x21, 0x31, paths), "unix:/run/from", "unix:/run/to");
}

TEST(ProxyHeaderV2, a_local_one_is_passed_over_with_all_that_is_in_it) {
  expect_local(version_2(0x20, 0, ""));
  expect_local(version_2(0x20, 0x11, ipv4_block()));
  expect_local(version_2(0x20, 0x7f, "whatever"));
}

TEST(ProxyHeaderV2, an_unspecified_one_is_as_local) {
  expect_local(version_2(0x21, 0, ""));
  const std::string header = version_2(0x21, 0, bytes("\2\0\1a"));
  expect_local(header);
  EXPECT_EQ(find_tlv(parse_proxy_header(header).header.tlvs, TlvType::kAuthority), "a");
  EXPECT_EQ(parse_of(version_2(0x21, 0, "no tlv")), Parse::kWrong);
}

TEST(ProxyHeaderV2, datagrams_and_what_is_not_defined_are_wrong) {
  for (const int family : {0x01, 0x02, 0x10, 0x12, 0x13, 0x20, 0x22, 0x30, 0x32, 0x41, 0xff}) {
    EXPECT_EQ(parse_of(version_2(0x21, family, std::string(216, '\0'))), Parse::kWrong) << family;
  }
  for (const int command : {0x00, 0x01, 0x10, 0x11, 0x22, 0x2f, 0x30, 0x31}) {
    EXPECT_EQ(parse_of(version_2(command, 0x11, ipv4_block())), Parse::kWrong) << command;
  }
}

TEST(ProxyHeaderV2, the_length_has_room_for_the_addresses) {
  EXPECT_EQ(parse_of(version_2(0x21, 0x11, std::string(11, '\0'))), Parse::kWrong);
  EXPECT_EQ(parse_of(version_2(0x21, 0x21, std::string(35, '\0'))), Parse::kWrong);
  EXPECT_EQ(parse_of(version_2(0x21, 0x31, std::string(215, '\0'))), Parse::kWrong);
  EXPECT_EQ(parse_of(version_2(0x21, 0x31, std::string(216, '\0'))), Parse::kDone);
}

TEST(ProxyHeaderV2, elements_stay_within_the_length) {
  const std::string block = ipv4_block() + bytes("\2\0\5hello");
  EXPECT_EQ(parse_of(version_2(0x21, 0x11, block)), Parse::kDone);
  for (std::size_t cut = 1; cut < 8; ++cut) {
    std::string header = version_2(0x21, 0x11, block.substr(0, block.size() - cut));
    EXPECT_EQ(parse_of(header + block.substr(block.size() - cut)), Parse::kWrong) << cut;
  }
}

TEST(ProxyHeaderV2, the_longest_works) {
  const std::string value(65535 - 12 - 3, 'x');
  const std::string header =
      version_2(0x21, 0x11, ipv4_block() + '\xe0' + big_endian(value.size(), 2) + value);
  expect_addresses(header, "192.0.2.1:50000", "192.0.2.2:443");
  EXPECT_EQ(parse_proxy_header(header.substr(0, 16)).size, 16u + 65535u);
  EXPECT_EQ(parse_of(header.substr(0, header.size() - 1)), Parse::kNeedMore);
}

TEST(ProxyHeaderV2, it_may_come_byte_by_byte) {
  expect_needs_all(version_2(0x21, 0x11, ipv4_block() + bytes("\2\0\1a")));
  expect_needs_all(version_2(0x20, 0, ""));
}

std::string written_v1(std::string_view source, std::string_view destination) {
  ProxyHeaderBuffer buffer;
  return std::string(write_proxy_header_v1(buffer, at(source), at(destination)));
}
std::string written_v2(std::string_view source, std::string_view destination,
                       const ProxyHeaderExtras& extras = {}) {
  ProxyHeaderBuffer buffer;
  return std::string(write_proxy_header_v2(buffer, at(source), at(destination), extras));
}

TEST(WriteProxyHeader, version_1_is_a_line) {
  EXPECT_EQ(written_v1("192.0.2.1:50000", "192.0.2.2:443"),
            "PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n");
  EXPECT_EQ(written_v1("[2001:db8::1]:0", "[::1]:65535"), "PROXY TCP6 2001:db8::1 ::1 0 65535\r\n");
}

TEST(WriteProxyHeader, the_longest_line_can_be_read) {
  const std::string most = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
  expect_addresses(written_v1(most, most), most, most);
}

TEST(WriteProxyHeader, of_two_families_it_takes_the_larger) {
  EXPECT_EQ(written_v1("192.0.2.1:50000", "[2001:db8::1]:443"),
            "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 50000 443\r\n");
  expect_addresses(written_v2("[2001:db8::1]:50000", "192.0.2.1:443"), "[2001:db8::1]:50000",
                   "[::ffff:192.0.2.1]:443");
}

TEST(WriteProxyHeader, what_has_no_ip_is_unknown_or_local) {
  EXPECT_EQ(written_v1("unix:/a", "192.0.2.1:443"), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(written_v2("192.0.2.1:443", "unix:/a"), kSignature + bytes("\x20\0\0\0"));
  ProxyHeaderBuffer buffer;
  EXPECT_EQ(write_proxy_header_v1(buffer, {}, {}), "PROXY UNKNOWN\r\n");
}

TEST(WriteProxyHeader, version_2_is_what_is_read) {
  EXPECT_EQ(written_v2("192.0.2.1:50000", "192.0.2.2:443"), version_2(0x21, 0x11, ipv4_block()));
  expect_addresses(written_v2("[2001:db8::1]:1", "[::1]:2"), "[2001:db8::1]:1", "[::1]:2");
}

TEST(WriteProxyHeader, extras_are_carried_and_checked) {
  const std::string host(253, 'h');
  const std::string id(128, 'i');
  const std::string header = written_v2("[2001:db8::1]:1", "[::1]:2", {host, id, true});
  expect_addresses(header, "[2001:db8::1]:1", "[::1]:2");
  const auto parsed = parse_proxy_header(header);
  EXPECT_EQ(find_tlv(parsed.header.tlvs, TlvType::kAuthority), host);
  EXPECT_EQ(find_tlv(parsed.header.tlvs, TlvType::kUniqueId), id);
  EXPECT_TRUE(find_tlv(parsed.header.tlvs, TlvType::kCrc32c));
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (i == header.size() - 7) continue;  // the checksum's type: then there is none
    std::string broken = header;
    broken[i] = static_cast<char>(broken[i] ^ 4);
    EXPECT_NE(parse_of(broken), Parse::kDone) << i;
  }
}

}  // namespace
}  // namespace ouro::proxy
