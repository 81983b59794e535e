// The host name in a TLS ClientHello (RFC 8446, 6066), read without touching the bytes: TLS passes
// through. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ouro::proxy {

// Bytes of a hello, the headers of its records included; a longer one is wrong. Browsers send two
// thousand.
inline constexpr std::size_t kClientHelloBytesMax = 65536;
inline constexpr std::size_t kHostNameBytesMax = 253;

struct ClientHello {
  // In small letters, without a dot at its end, its labels of 1 to 63 letters, digits, '-' and '_'.
  // Empty if the client named none.
  [[nodiscard]] std::string_view host() const noexcept { return {text.data(), size}; }

  std::array<char, kHostNameBytesMax> text{};
  std::uint8_t size = 0;
  bool alpn = false;  // it says which protocols it can speak
};

// Of one connection, from its first byte until it answers anything but kNeedMore. Remembers how far
// it has gone through the records, and reads the message once, when all of it is there: linear in
// the bytes, whatever pieces they come in and whatever records they are cut into.
class ClientHelloReader {
 public:
  enum class State : std::uint8_t {
    kNeedMore,
    kDone,
    kNotTls,  // nor ever was; a hello of SSLv2 is none either
    kWrong,   // TLS, but not as it should be
  };

  // `received`: all bytes so far. Fills `hello` when done. What is wrong with the records is said
  // as soon as they show it, what is wrong with the message when it is complete.
  [[nodiscard]] State read(std::string_view received, ClientHello& hello) noexcept;

  // After kNeedMore: before so many bytes have come, it would say the same again, or kWrong.
  [[nodiscard]] std::size_t needs() const noexcept { return needs_; }

 private:
  [[nodiscard]] State enter_record(std::string_view received) noexcept;
  [[nodiscard]] bool learn_size(std::string_view received) noexcept;
  [[nodiscard]] State need(std::size_t bytes) noexcept;

  std::uint32_t record_ = 0;          // where the record starts that is not complete
  std::uint32_t message_before_ = 0;  // bytes of the message in the records before it
  std::uint32_t message_size_ = 0;    // 0: not yet known
  std::uint32_t needs_ = 0;
};

}  // namespace ouro::proxy
