// Starting other programs and ending them again. A program started here leads a process group of
// its own, so that a Ctrl-C at the terminal is this process' to decide about; it (but not what it
// started itself) dies when this process dies, however that happens.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/process.h"
#include "ouro/error.h"

namespace ouro::os {

struct Program {
  std::string path;                    // with no slash in it, looked up in PATH
  std::vector<std::string> arguments;  // the first is the name it sees itself under
  std::optional<unsigned> cpu;         // runs on this one alone, and what it starts as well
  std::string error_file;              // what it writes to standard error; made anew
};

// This very program, though its file may have been replaced meanwhile.
inline constexpr const char* kOwnProgram = "/proc/self/exe";

// Its standard input and output are /dev/null. kNotFound if there is no such program.
[[nodiscard]] Result<ProcessId> spawn(const Program& program);

// SIGTERM and SIGKILL, to it and to what it started, as far as that stayed in its group.
void terminate_group(ProcessId leader) noexcept;
void kill_group(ProcessId leader) noexcept;

// From now on processes whose parents have ended become children of this one.
void adopt_orphans() noexcept;
// Kills and reaps every child there is, and those that become ours by that.
void end_orphans() noexcept;

// "SIGSEGV", or "signal 64" where it has no name.
[[nodiscard]] std::string signal_name(int signal);

}  // namespace ouro::os
