// Where the access log goes: a file, stdout, or the system's log.
#pragma once

#include <string>
#include <string_view>

#include "os/output.h"

namespace ouro::proxy {

// By the master: what [log] access names.
[[nodiscard]] Result<os::Fd> open_access_target(const std::string& access);

// Lives in the attendant, where nothing can be opened.
class AccessTarget {
 public:
  AccessTarget() = default;
  // `stdout_kind`: what stdout is, if that is what `access` names.
  AccessTarget(os::Fd file, const std::string& access, os::OutputKind stdout_kind);

  [[nodiscard]] bool is_open() const noexcept { return file_.valid(); }
  // As much of these lines as goes at once. Part of a line only if the target itself takes only
  // part, which then has to be told the rest.
  [[nodiscard]] os::Written write(std::string_view lines) const;

 private:
  os::Fd file_;
  bool is_syslog_ = false;
  os::OutputKind kind_ = os::OutputKind::kFile;
};

}  // namespace ouro::proxy
