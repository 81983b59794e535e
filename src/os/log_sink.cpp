#include "os/log_sink.h"

#include <unistd.h>

#include "os/output.h"

namespace ouro::os {
namespace {

OutputKind stderr_is = OutputKind::kOther;

bool write_log_line(std::string_view line) noexcept {
  return write_now(STDERR_FILENO, stderr_is, line).bytes == line.size();
}

}  // namespace

log::Sink log_sink() noexcept {
  stderr_is = output_kind(STDERR_FILENO);
  return write_log_line;
}

}  // namespace ouro::os
