// The system's log, where messages are datagrams to a Unix socket.
#pragma once

#include <string>
#include <string_view>

#include "os/output.h"

namespace ouro::os {

inline constexpr const char* kSyslogPath = "/dev/log";

[[nodiscard]] Result<Fd> open_syslog(const std::string& path = kSyslogPath);

// What stands before a message, as RFC 3164 has it: facility local0, severity info, the time where
// this machine is, and who says so.
[[nodiscard]] std::string syslog_head(std::string_view program);

// One message, whole or not; never waits. A log that was started anew is found again.
[[nodiscard]] Written send_to_syslog(int fd, std::string_view message,
                                     const std::string& path = kSyslogPath) noexcept;

}  // namespace ouro::os
