#include <arpa/inet.h>

#include <algorithm>

#include "base/check.h"
#include "proxy/wire/address_bytes.h"
#include "proxy/wire/crc32c.h"
#include "proxy/wire/proxy_header.h"
#include "proxy/wire/proxy_header_words.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kAuthorityBytesMax = 255;

// Both addresses in the family that can hold both.
struct Pair {
  Ipv6Bytes source{};
  Ipv6Bytes destination{};
  bool known = false;
  bool ipv4 = false;
};

Pair pair_of(const Address& source, const Address& destination) noexcept {
  const auto from = ipv6_bytes(source);
  const auto to = ipv6_bytes(destination);
  if (!from || !to) return {};
  const bool ipv4 =
      source.family() == Address::Family::kIpv4 && destination.family() == Address::Family::kIpv4;
  return {.source = *from, .destination = *to, .known = true, .ipv4 = ipv4};
}

// The bytes of one of a pair's addresses.
std::string_view ip_of(const Pair& pair, const Ipv6Bytes& bytes) noexcept {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return pair.ipv4 ? all.substr(kIpv6Bytes - kIpv4Bytes) : all;
}

class HeaderWriter {
 public:
  explicit HeaderWriter(ProxyHeaderBuffer& buffer) noexcept : buffer_(buffer) {}

  void add(std::string_view bytes) noexcept {
    OURO_CHECK(bytes.size() <= buffer_.size() - size_);
    std::ranges::copy(bytes, buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
  }
  void add_u8(unsigned value) noexcept {
    const char byte = static_cast<char>(value);
    add({&byte, 1});
  }
  void add_u16(unsigned value) noexcept {
    add_u8(value >> 8);
    add_u8(value & 0xff);
  }
  void add_u32(std::uint32_t value) noexcept {
    add_u16(value >> 16);
    add_u16(value & 0xffff);
  }
  void add_tlv(TlvType type, std::string_view value) noexcept {
    add_u8(static_cast<unsigned>(type));
    add_u16(static_cast<unsigned>(value.size()));
    add(value);
  }
  void add_ip(const Pair& pair, const Ipv6Bytes& bytes) noexcept {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::string_view ip = ip_of(pair, bytes);
    add(inet_ntop(pair.ipv4 ? AF_INET : AF_INET6, ip.data(), text.data(), text.size()));
  }
  void add_decimal(unsigned value) noexcept {
    if (value >= 10) add_decimal(value / 10);
    add_u8('0' + value % 10);
  }
  // Goes back to where a number was left out.
  void rewind(std::size_t size) noexcept { size_ = size; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string_view written() const noexcept { return {buffer_.data(), size_}; }

 private:
  ProxyHeaderBuffer& buffer_;
  std::size_t size_ = 0;
};

void add_addresses(HeaderWriter& writer, const Pair& pair, const Address& source,
                   const Address& destination) noexcept {
  if (!pair.known) return;
  writer.add(ip_of(pair, pair.source));
  writer.add(ip_of(pair, pair.destination));
  writer.add_u16(source.port());
  writer.add_u16(destination.port());
}

void add_extras(HeaderWriter& writer, const ProxyHeaderExtras& extras) noexcept {
  OURO_CHECK(extras.authority.size() <= kAuthorityBytesMax);
  OURO_CHECK(extras.unique_id.size() <= kUniqueIdBytesMax);
  if (!extras.authority.empty()) writer.add_tlv(TlvType::kAuthority, extras.authority);
  if (!extras.unique_id.empty()) writer.add_tlv(TlvType::kUniqueId, extras.unique_id);
  if (extras.checksum) writer.add_tlv(TlvType::kCrc32c, std::string_view("\0\0\0\0", 4));
}

// Nothing follows that would change what the checksum, the last element, is of.
void fill_in_length_and_checksum(HeaderWriter& writer, bool checksum) noexcept {
  const std::size_t size = writer.size();
  writer.rewind(kStartBytesV2 - 2);
  writer.add_u16(static_cast<unsigned>(size - kStartBytesV2));
  writer.rewind(size);
  if (!checksum) return;
  Crc32c crc;
  crc.add(writer.written());
  writer.rewind(size - 4);
  writer.add_u32(crc.value());
}

}  // namespace

std::string_view write_proxy_header_v1(ProxyHeaderBuffer& buffer, const Address& source,
                                       const Address& destination) noexcept {
  const Pair pair = pair_of(source, destination);
  if (!pair.known) return "PROXY UNKNOWN\r\n";
  HeaderWriter writer(buffer);
  writer.add(kSignatureV1);
  writer.add(pair.ipv4 ? "TCP4 " : "TCP6 ");
  writer.add_ip(pair, pair.source);
  writer.add(" ");
  writer.add_ip(pair, pair.destination);
  writer.add(" ");
  writer.add_decimal(source.port());
  writer.add(" ");
  writer.add_decimal(destination.port());
  writer.add("\r\n");
  return writer.written();
}

std::string_view write_proxy_header_v2(ProxyHeaderBuffer& buffer, const Address& source,
                                       const Address& destination,
                                       const ProxyHeaderExtras& extras) noexcept {
  const Pair pair = pair_of(source, destination);
  HeaderWriter writer(buffer);
  writer.add(kSignatureV2);
  writer.add_u8(pair.known ? kCommandProxy : kCommandLocal);
  writer.add_u8(!pair.known ? kUnspecified : pair.ipv4 ? kIpv4Stream : kIpv6Stream);
  writer.add_u16(0);  // the length, when it is known
  add_addresses(writer, pair, source, destination);
  add_extras(writer, extras);
  fill_in_length_and_checksum(writer, extras.checksum);
  return writer.written();
}

}  // namespace ouro::proxy
