// Where a socket listens or connects: IPv4, IPv6 or a Unix path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ouro/error.h"

struct sockaddr;

namespace ouro {

// A value; copying is cheap. Holds a sockaddr of any of the three families.
class Address {
 public:
  enum class Family : std::uint8_t { kNone, kIpv4, kIpv6, kUnix };

  Address() noexcept = default;

  // "127.0.0.1:7007", "[::1]:7007" or "unix:/run/echo.sock". Names are not resolved here.
  [[nodiscard]] static Result<Address> parse(std::string_view text);
  // From what the kernel gave; kNone if the family is not one of ours.
  [[nodiscard]] static Address from_raw(const sockaddr* raw, std::size_t size) noexcept;

  [[nodiscard]] Family family() const noexcept;
  [[nodiscard]] bool is_unix() const noexcept { return family() == Family::kUnix; }
  [[nodiscard]] std::uint16_t port() const noexcept;  // 0 for Unix
  [[nodiscard]] Address with_port(std::uint16_t port) const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;  // 127/8, ::1 or Unix
  [[nodiscard]] std::string path() const;           // Unix only, else empty
  [[nodiscard]] std::string to_string() const;      // what parse() takes

  [[nodiscard]] const sockaddr* raw() const noexcept;
  [[nodiscard]] unsigned raw_size() const noexcept { return size_; }
  // Equal when an operating system would call them the same place.
  [[nodiscard]] bool operator==(const Address& other) const noexcept;

 private:
  static constexpr std::size_t kRawSizeMax = 110;  // sizeof(sockaddr_un)
  alignas(8) std::array<std::byte, kRawSizeMax> raw_{};
  std::uint16_t size_ = 0;
};

}  // namespace ouro
