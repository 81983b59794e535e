#include "ouro/error.h"

#include <cerrno>
#include <cstring>

namespace ouro {

const char* to_string(Errc code) noexcept {
  switch (code) {
    case Errc::kNone:
      return "no error";
    case Errc::kAborted:
      return "cut by this side";
    case Errc::kAddressInUse:
      return "address already in use";
    case Errc::kBadAddress:
      return "address not available here";
    case Errc::kCancelled:
      return "cancelled";
    case Errc::kInvalid:
      return "invalid argument";
    case Errc::kNoBuffers:
      return "no receive buffer free";
    case Errc::kNoDescriptors:
      return "too many open files";
    case Errc::kNoMemory:
      return "out of memory";
    case Errc::kNotFound:
      return "not found";
    case Errc::kPermission:
      return "permission denied";
    case Errc::kRefused:
      return "connection refused";
    case Errc::kReset:
      return "connection reset by the peer";
    case Errc::kTimedOut:
      return "timed out";
    case Errc::kUnreachable:
      return "unreachable";
    case Errc::kUnsupported:
      return "not supported";
    case Errc::kWouldBlock:
      return "nothing to be had now";
    case Errc::kUnexpected:
      return "unexpected error";
  }
  return "unexpected error";
}

Errc errc_from_errno(int system_errno) noexcept {
  switch (system_errno) {
    case 0:
      return Errc::kNone;
    case EADDRINUSE:
      return Errc::kAddressInUse;
    case EADDRNOTAVAIL:
      return Errc::kBadAddress;
    case EAFNOSUPPORT:
      return Errc::kBadAddress;
    case ECANCELED:
      return Errc::kCancelled;
    case EINVAL:
      return Errc::kInvalid;
    case ENOBUFS:
      return Errc::kNoBuffers;
    case EMFILE:
      return Errc::kNoDescriptors;
    case ENFILE:
      return Errc::kNoDescriptors;
    case ENOMEM:
      return Errc::kNoMemory;
    case ENOENT:
      return Errc::kNotFound;
    case EACCES:
      return Errc::kPermission;
    case EPERM:
      return Errc::kPermission;
    case ECONNREFUSED:
      return Errc::kRefused;
    case ECONNABORTED:
      return Errc::kReset;
    case ECONNRESET:
      return Errc::kReset;
    case EPIPE:
      return Errc::kReset;
    case ENOTCONN:
      return Errc::kReset;
    case ETIMEDOUT:
      return Errc::kTimedOut;
    case EHOSTUNREACH:
      return Errc::kUnreachable;
    case ENETUNREACH:
      return Errc::kUnreachable;
    case EHOSTDOWN:
      return Errc::kUnreachable;
    case ENETDOWN:
      return Errc::kUnreachable;
    case EOPNOTSUPP:
      return Errc::kUnsupported;
    case ENOSYS:
      return Errc::kUnsupported;
    case EAGAIN:
      return Errc::kWouldBlock;
    case EINTR:
      return Errc::kWouldBlock;
    default:
      return Errc::kUnexpected;
  }
}

std::unexpected<Failure> fail(Errc code, std::string what) {
  return std::unexpected(Failure{code, 0, std::move(what)});
}

std::unexpected<Failure> fail_errno(std::string what, int system_errno) {
  const Errc code = errc_from_errno(system_errno);
  what += ": ";
  what += std::strerror(system_errno);  // NOLINT(concurrency-mt-unsafe): start-up code
  return std::unexpected(Failure{code, system_errno, std::move(what)});
}

}  // namespace ouro
