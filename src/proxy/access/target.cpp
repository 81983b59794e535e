#include "proxy/access/target.h"

#include "os/syslog.h"

namespace ouro::proxy {
namespace {

std::string_view first_line(std::string_view lines) { return lines.substr(0, lines.find('\n')); }

// As many lines as arrive in one piece; the first in any case.
std::string_view whole_lines(std::string_view lines) {
  if (lines.size() <= os::kWholeBytes) return lines;
  const std::size_t last = lines.rfind('\n', os::kWholeBytes - 1);
  return lines.substr(0, last != lines.npos ? last + 1 : first_line(lines).size() + 1);
}

}  // namespace

Result<os::Fd> open_access_target(const std::string& access) {
  if (access == "stdout") return os::copy_of_stdout();
  if (access == "syslog") return os::open_syslog();
  return os::open_for_appending(access);
}

AccessTarget::AccessTarget(os::Fd file, const std::string& access, os::OutputKind stdout_kind)
    : file_(std::move(file)),
      is_syslog_(access == "syslog"),
      kind_(access == "stdout" ? stdout_kind : os::OutputKind::kFile) {}

os::Written AccessTarget::write(std::string_view lines) const {
  if (is_syslog_) {
    const std::string_view line = first_line(lines);
    const os::Written sent = os::send_to_syslog(file_.get(), os::syslog_head("ouro").append(line));
    return sent.system_errno == 0 ? os::Written{line.size() + 1, 0} : sent;
  }
  const bool in_one = kind_ == os::OutputKind::kFile;
  return os::write_now(file_.get(), kind_, in_one ? lines : whole_lines(lines));
}

}  // namespace ouro::proxy
