// What a forked child is given, and the ground that workers and the attendant have in common: both
// run a Worker, talk with the master over a control socket, and leave when it says so or dies.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/control.h"
#include "host/host.h"
#include "host/inbox.h"
#include "host/listeners.h"
#include "host/metrics.h"
#include "host/shared_pages.h"
#include "os/process.h"

namespace ouro::host {

// Everything a child owns; all else that the master had is closed in it.
struct ChildStart {
  const HostOptions* options = nullptr;
  SharedPages* pages = nullptr;
  os::Fd control;
  std::optional<os::User> user;
  EngineChoice engine = EngineChoice::kAuto;
};

struct WorkerStart {
  ChildStart common;
  unsigned index = 0;
  std::optional<unsigned> cpu;        // to stay on
  std::uint64_t connections_max = 0;  // that one process has descriptors for
  std::vector<Listeners::Socket> listeners;
  Inboxes inboxes;
};

struct AttendantStart {
  ChildStart common;
  os::Fd listener;  // invalid: nobody asks
  std::vector<os::Fd> files;
  ServerInfo info;
};

// The whole life of a child; gives its exit code.
[[nodiscard]] int run_worker(WorkerStart start);
[[nodiscard]] int run_attendant(AttendantStart start);

// When the master has died there is nobody left to wait for.
inline constexpr std::chrono::milliseconds kOrphanDrain{2000};

// The child's end of the control socket.
class ControlLine {
 public:
  explicit ControlLine(os::Fd socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  void say(const Message& message) const noexcept { send_control(fd(), message); }
  // Says why this child cannot start; the exit code to end with.
  [[nodiscard]] int fail(std::string_view why) const;
  // Waits for the next message; nothing when the master has died.
  [[nodiscard]] std::optional<ReceivedMessage> wait() const;

 private:
  os::Fd socket_;
};

// First of all in a child: its name, and what signals mean to it.
void settle_in(std::string_view who, std::string_view process_name);
// Last of all before it serves: no root, no way back to it, no life without the master, and
// nothing within reach but its sockets. Gives what could not be had of that, in words.
[[nodiscard]] Result<std::string> give_up_rights(const ChildStart& start, bool uring);

}  // namespace ouro::host
