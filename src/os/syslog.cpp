#include "os/syslog.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "ouro/address.h"

namespace ouro::os {
namespace {

constexpr int kLocal0 = 16;
constexpr int kInfo = 6;

int connect_to(int fd, const std::string& path) noexcept {
  const auto address = Address::parse("unix:" + path);
  if (!address) return EINVAL;
  return ::connect(fd, address->raw(), address->raw_size()) == 0 ? 0 : errno;
}

Written send_once(int fd, std::string_view message) noexcept {
  return write_now(fd, OutputKind::kSocket, message);
}

}  // namespace

Result<Fd> open_syslog(const std::string& path) {
  ::tzset();  // reads a file, which the attendant cannot
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int error = socket.valid() ? connect_to(socket.get(), path) : errno;
  if (error != 0) return fail_errno("cannot reach the system's log at " + path, error);
  return socket;
}

// Not strftime(): the names of months are English here, whatever the language.
std::string syslog_head(std::string_view program) {
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "<%d>%s %2d %02d:%02d:%02d ", kLocal0 * 8 + kInfo,
                kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_mday, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  std::string head = text.data();
  ((head += program) += '[') += std::to_string(::getpid());
  return head += "]: ";
}

Written send_to_syslog(int fd, std::string_view message, const std::string& path) noexcept {
  const Written written = send_once(fd, message);
  const int error = written.system_errno;
  const bool gone = error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET;
  if (!gone || connect_to(fd, path) != 0) return written;
  return send_once(fd, message);
}

}  // namespace ouro::os
