// The host of a server: a master that binds the listeners and forks one worker per core, and an
// attendant that serves the admin address. What a server does with a connection is the handler's
// business; everything about processes is here.
//
// run_host() is called once, by the process that becomes the master, before it makes any thread or
// ring. It returns when the server has ended, in the master alone: the children never return.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "host/application.h"
#include "ouro/address.h"
#include "ouro/options.h"

namespace ouro::host {

struct HostOptions {
  std::string name;                   // "echo": in the ready line and in metrics
  std::string version;                // of the program; in metrics
  unsigned workers = 0;               // 0: as many as the CPUs this process may use
  WorkerOptions worker;               // counters is the host's business
  std::uint64_t max_connections = 0;  // over all workers, exact; 0: no limit of its own
  std::optional<Address> admin;       // /metrics and /healthz; none: no attendant
  // SIGTERM: /healthz fails at once, accepting goes on for the delay, then what is under way has
  // until the timeout.
  std::chrono::milliseconds drain_delay{0};
  std::chrono::milliseconds drain_timeout{std::chrono::seconds{30}};
  // A worker whose loop stands still for this long is killed and replaced.
  std::chrono::milliseconds watchdog{std::chrono::seconds{10}};
  // Whom workers and attendant become; empty: os::default_user(), if that can be had.
  std::string user;
  bool sandbox = true;  // shut workers and attendant off from files, programs and the rest
  log::Level log_level = log::Level::kInfo;
  Application* application = nullptr;  // wants to listen at one place at least
  unsigned files_per_connection = 1;   // that a worker opens
  bool connects = false;               // workers make connections of their own
  bool splices = false;                // and pass bytes on within the kernel
};

// Exit codes, those of the whole program.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;     // could not start, or was ended before it had drained
inline constexpr int kExitArguments = 2;  // an option asks for what cannot be (no such user)

// Serves until SIGTERM or SIGINT. Prints the ready line on stdout; a failure to start is one line
// on stderr ("ouro: cannot listen on 127.0.0.1:80: permission denied"), leaving nothing behind.
[[nodiscard]] int run_host(const HostOptions& options);

}  // namespace ouro::host
