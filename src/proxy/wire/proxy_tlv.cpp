#include "proxy/wire/proxy_tlv.h"

#include "proxy/wire/byte_order.h"
#include "proxy/wire/crc32c.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kTlvStart = 3;  // type, length
constexpr std::size_t kSslStart = 5;  // flags, result of verifying
constexpr std::size_t kCrcBytes = 4;

// The checksum is made with zeros where it will stand.
bool good_checksum(std::string_view header, std::string_view value) noexcept {
  if (value.size() != kCrcBytes) return false;
  const auto at = static_cast<std::size_t>(value.data() - header.data());
  Crc32c crc;
  crc.add(header.substr(0, at));
  crc.add(std::string_view("\0\0\0\0", kCrcBytes));
  crc.add(header.substr(at + kCrcBytes));
  return crc.value() == read_u32(value, 0);
}

bool is_list(std::string_view tlvs) noexcept {
  TlvReader reader(tlvs);
  while (reader.next()) continue;
  return reader.whole();
}

}  // namespace

std::optional<Tlv> TlvReader::next() noexcept {
  while (rest_.size() >= kTlvStart) {
    const std::size_t length = read_u16(rest_, 1);
    if (rest_.size() - kTlvStart < length) break;
    const Tlv tlv{static_cast<TlvType>(rest_[0]), rest_.substr(kTlvStart, length)};
    rest_.remove_prefix(kTlvStart + length);
    if (tlv.type != TlvType::kNoop) return tlv;
  }
  return std::nullopt;
}

std::optional<std::string_view> find_tlv(std::string_view tlvs, TlvType type) noexcept {
  TlvReader reader(tlvs);
  while (const auto tlv = reader.next()) {
    if (tlv->type == type) return tlv->value;
  }
  return std::nullopt;
}

std::optional<SslTlv> read_ssl_tlv(std::string_view value) noexcept {
  if (value.size() < kSslStart || !is_list(value.substr(kSslStart))) return std::nullopt;
  const unsigned flags = read_u8(value, 0);
  SslTlv ssl;
  ssl.tls = (flags & 1) != 0;
  ssl.certificate = (flags & 2) != 0;
  ssl.certificate_in_session = (flags & 4) != 0;
  // Zero also where there was nothing to verify.
  ssl.verified = (ssl.certificate || ssl.certificate_in_session) && read_u32(value, 1) == 0;
  ssl.tlvs = value.substr(kSslStart);
  return ssl;
}

bool good_tlvs(std::string_view header, std::size_t at) noexcept {
  TlvReader reader(header.substr(at));
  bool checksum_seen = false;
  while (const auto tlv = reader.next()) {
    if (tlv->type == TlvType::kUniqueId && tlv->value.size() > kUniqueIdBytesMax) return false;
    if (tlv->type == TlvType::kSsl && !read_ssl_tlv(tlv->value)) return false;
    if (tlv->type != TlvType::kCrc32c) continue;
    // Two would each have to be zero for the other; and many would cost a pass each.
    if (checksum_seen || !good_checksum(header, tlv->value)) return false;
    checksum_seen = true;
  }
  return reader.whole();
}

}  // namespace ouro::proxy
