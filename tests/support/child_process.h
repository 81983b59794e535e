// Work that must not touch the test's own process: limits, system-call filters, signals.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>

#include "checked_handler.h"
#include "client.h"
#include "ouro/worker.h"

namespace ouro::test {

// Runs `work` in a forked child and returns its exit code; a child that dies of a signal gives
// 128 + the signal. Call it while the test has no other threads.
[[nodiscard]] int run_in_child(const std::function<int()>& work);

// Descriptors open in this process now.
[[nodiscard]] unsigned open_descriptors();
// Lets this process have only `spare` descriptors more than it has now, for good or while this
// object lives.
void limit_descriptors(unsigned spare);

class FewDescriptors {
 public:
  explicit FewDescriptors(unsigned spare);
  ~FewDescriptors();
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlim_t before_;
};

// An echo server in a forked child, its counters in shared memory. Ends with this object.
class ServerProcess {
 public:
  // `prepare` runs in the child before the worker is made, `limit` when it is ready to run.
  struct Setup {
    WorkerOptions options;
    std::function<void()> prepare = [] {};
    std::function<void()> limit = [] {};
  };
  explicit ServerProcess(const Setup& setup);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] const Counters& counters() const { return *counters_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] TestClient connect() const { return TestClient::connect(address_); }

 private:
  [[noreturn]] void serve(const Setup& setup, int ready_fd);

  Counters* counters_;
  Address address_;
  pid_t pid_ = -1;
};

}  // namespace ouro::test
