// What a PROXY protocol header of version 2 carries behind the addresses: a list of type, length
// and value. Pure; views point into the header.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ouro::proxy {

// The types we know; others pass as they are.
enum class TlvType : std::uint8_t {
  kAlpn = 0x01,
  kAuthority = 0x02,  // the host name the client asked for, as in SNI
  kCrc32c = 0x03,
  kNoop = 0x04,
  kUniqueId = 0x05,
  kSsl = 0x20,
  kSslVersion = 0x21,  // this and the following are inside of kSsl
  kSslCommonName = 0x22,
  kSslCipher = 0x23,
  kSslSignature = 0x24,
  kSslKey = 0x25,
  kNetns = 0x30,
};

inline constexpr std::size_t kUniqueIdBytesMax = 128;

struct Tlv {
  TlvType type = TlvType::kNoop;
  std::string_view value;
};

// Goes through a list, past padding.
class TlvReader {
 public:
  explicit TlvReader(std::string_view tlvs) noexcept : rest_(tlvs) {}

  // Nothing at the end, and where an element would go beyond it.
  [[nodiscard]] std::optional<Tlv> next() noexcept;
  // After the last: whether all of the list was elements.
  [[nodiscard]] bool whole() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// The value of the first of that type.
[[nodiscard]] std::optional<std::string_view> find_tlv(std::string_view tlvs,
                                                       TlvType type) noexcept;

// How the client spoke TLS to whoever wrote the header.
struct SslTlv {
  bool tls = false;                     // it did
  bool certificate = false;             // and showed one, on this connection
  bool certificate_in_session = false;  // or once in this TLS session
  bool verified = false;
  std::string_view tlvs;  // kSslVersion and so on
};

// Nothing if it is not one, with all that is in it.
[[nodiscard]] std::optional<SslTlv> read_ssl_tlv(std::string_view value) noexcept;

// Whether `header`, from its first byte to its last, has good elements from `at` on: they fill it
// exactly, those we know are as they must be, and the checksum, if there is one, is right.
[[nodiscard]] bool good_tlvs(std::string_view header, std::size_t at) noexcept;

}  // namespace ouro::proxy
