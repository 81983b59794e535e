// What can go wrong, as values. Nothing in Ouro throws: control code returns Result, the data
// plane passes an Errc to the handler. Bugs are not errors; they are assertions, on in release.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace ouro {

// The named set every errno is translated into, once, at the system-call boundary.
enum class Errc : std::uint8_t {
  kNone,           // no error
  kAborted,        // this side cut the connection
  kAddressInUse,   // another program has the address
  kBadAddress,     // the address cannot be used on this machine
  kCancelled,      // the operation was withdrawn by who asked for it
  kInvalid,        // an argument or option is wrong
  kNoBuffers,      // the receive pool was empty; the operation is to be asked again
  kNoDescriptors,  // the limit on open files is reached
  kNoMemory,       // the kernel or the process is out of memory
  kNotFound,       // no such file or name
  kPermission,     // the system refuses
  kRefused,        // nobody listens there
  kReset,          // the peer cut the connection
  kTimedOut,       // a deadline passed
  kUnreachable,    // no route to the peer
  kUnsupported,    // the kernel or the engine does not know this
  kWouldBlock,     // nothing to be had now
  kUnexpected,     // anything else; the errno says what
};

// A few plain words for people, e.g. "connection reset by the peer".
[[nodiscard]] const char* to_string(Errc code) noexcept;

// The one place where errno becomes an Errc.
[[nodiscard]] Errc errc_from_errno(int system_errno) noexcept;

// A failure of control code: what was tried, and why it failed.
struct Failure {
  Errc code = Errc::kUnexpected;
  int system_errno = 0;  // 0 if no system call was involved
  std::string what;      // "cannot listen on 127.0.0.1:80: permission denied"
};

template <typename T>
using Result = std::expected<T, Failure>;

// Builds the error side of a Result from words alone.
[[nodiscard]] std::unexpected<Failure> fail(Errc code, std::string what);
// Builds it from a failed system call: "what: text of errno".
[[nodiscard]] std::unexpected<Failure> fail_errno(std::string what, int system_errno);

}  // namespace ouro
