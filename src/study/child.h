// Programs that a study starts: always ended and reaped, whatever else happens.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "os/process.h"
#include "os/spawn.h"
#include "ouro/error.h"

namespace ouro::study {

// Waiting that a Ctrl-C ends. One per process.
class Patience {
 public:
  [[nodiscard]] static Result<Patience> create();
  // At most for `limit`; returns early when a child changed, and at once when interrupted.
  void wait(std::chrono::milliseconds limit);
  // The same until `fd` is readable.
  void wait_readable(int fd, std::chrono::milliseconds limit);
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

 private:
  explicit Patience(os::SignalReader signals) : signals_(std::move(signals)) {}
  os::SignalReader signals_;
  bool interrupted_ = false;
};

class Child {
 public:
  [[nodiscard]] static Result<Child> start(const os::Program& program);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // kills it if it still runs

  [[nodiscard]] os::ProcessId id() const noexcept { return id_; }
  // How it ended, once it has.
  [[nodiscard]] const std::optional<os::Ending>& ending();
  // SIGTERM, and when that does not help, SIGKILL.
  void stop(Patience& patience);
  // The last lines that it wrote to standard error.
  [[nodiscard]] std::vector<std::string> last_words() const;

 private:
  Child(os::ProcessId id, std::string error_file) : id_(id), error_file_(std::move(error_file)) {}

  os::ProcessId id_;
  std::string error_file_;
  std::optional<os::Ending> ending_;
};

// "ended with code 3", "was killed by SIGSEGV".
[[nodiscard]] std::string text_of(const os::Ending& ending);

}  // namespace ouro::study
