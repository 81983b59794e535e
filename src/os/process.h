// Processes and signals, as the master and its children need them: forking, signals that arrive as
// values instead of interrupting, waiting for several descriptors, giving up root.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "ouro/error.h"

namespace ouro::os {

using ProcessId = int;

[[nodiscard]] ProcessId own_process_id() noexcept;
// 0 in the child.
[[nodiscard]] Result<ProcessId> fork_process();
// Ends this process without running what the parent registered or flushing what it buffered.
[[noreturn]] void exit_now(int code) noexcept;
void kill_process(ProcessId id) noexcept;  // SIGKILL
// What `ps` and `top` call this process; at most 15 characters.
void set_process_name(std::string_view name) noexcept;

// How a child ended: with a code, or killed by a signal (then the code is 0).
struct Ending {
  int code = 0;
  int signal = 0;
  [[nodiscard]] bool clean() const noexcept { return code == 0 && signal == 0; }
};
// Nothing while it runs; never waits.
[[nodiscard]] std::optional<Ending> ending_of(ProcessId child) noexcept;

// Waits until it has ended.
void reap(ProcessId child) noexcept;

// What a master is told.
enum class Signal : std::uint8_t { kTerminate, kReload, kReopen, kUpgrade, kChildChanged };

// Turns SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGCHLD into values that can be read from
// fd(), and ignores SIGPIPE, for as long as it lives. One per process; a child calls
// ignore_signals() instead.
class SignalReader {
 public:
  [[nodiscard]] static Result<SignalReader> create();
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  // Everything that arrived; never waits.
  [[nodiscard]] std::vector<Signal> read() noexcept;

 private:
  Fd fd_;
};

// In a child: what the terminal or a service manager sends to the whole group is the master's to
// decide about. Undoes the parent's SignalReader.
void ignore_signals() noexcept;

// For a program that is started: it begins with no signal blocked or ignored, whatever was arranged
// here.
void forget_signals() noexcept;

// A child that is stuck cannot notice that its parent has died: after that, `limit` is all it gets.
// Changing the user clears this, so it comes after become().
void end_after_parent(std::chrono::seconds limit) noexcept;

struct User {
  unsigned user_id = 0;
  unsigned group_id = 0;
};
// Nothing if there is no such user.
[[nodiscard]] std::optional<User> find_user(const std::string& name);
// Whom a server's workers become if nobody says: a user of its own or, without one, nobody. Only
// root can become anybody; for others there is none.
[[nodiscard]] std::optional<std::string> default_user();
// For good: user, group, no supplementary groups. Does nothing when it is that user already.
[[nodiscard]] Result<void> become(const User& user);
// No program this process could start would gain rights. False: refused, errno says why.
bool forbid_new_privileges() noexcept;

// Raises the limit on open files as far as the system lets it; gives the limit in force.
std::size_t raise_file_limit() noexcept;

// Waits until one of `fds` is readable (or its other side gone), at most for `limit`; true for each
// that is. A negative fd is never readable.
[[nodiscard]] std::vector<bool> wait_readable(std::span<const int> fds,
                                              std::chrono::milliseconds limit);

// Descriptors 0 to 2 that are closed become /dev/null: else a socket might get the number of
// stderr, and its peer the log. Before anything else is opened.
void fill_standard_files() noexcept;

// Removes a socket file this process made.
void remove_file(const std::string& path) noexcept;

}  // namespace ouro::os
