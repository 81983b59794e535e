// A worker on a thread of its own, as a program that embeds libouro would run it.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "client.h"
#include "ouro/worker.h"

namespace ouro::test {

[[nodiscard]] Address loopback();     // 127.0.0.1, the kernel chooses the port
[[nodiscard]] Address loopback_v6();  // the same on ::1
// A path nobody uses, in a directory that is there.
[[nodiscard]] Address fresh_unix_address();

class WorkerThread {
 public:
  // Makes the worker on its thread, listens, runs. Throws ClientError with the reason if it cannot.
  WorkerThread(const WorkerOptions& options, Handler& handler,
               const Address& listen_on = loopback(), const ListenOptions& listen_options = {});
  // Stops and joins.
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  [[nodiscard]] const Address& address() const { return address_; }
  // Live while the worker runs, final after stop().
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] TestClient connect(
      const TestClient::Options& options = TestClient::Options{}) const {
    return TestClient::connect(address_, options);
  }

  // Runs `command` on the worker's thread between turns, and waits until it has run.
  void on_worker(std::function<void(Worker&)> command);
  // The listener made by the constructor, for commands.
  [[nodiscard]] Listener* listener() const { return listener_; }

  // Ends run(), destroys the worker on its thread, and joins. Safe to call twice.
  void stop();
  // Ends run() from here, as any other thread may; the worker stays until stop().
  void ask_to_stop() { worker_->stop(); }
  [[nodiscard]] bool has_stopped() const { return has_stopped_; }

 private:
  void main(WorkerOptions options, Handler& handler, Address listen_on,
            ListenOptions listen_options);
  void run_commands();

  Counters counters_;
  Address address_;
  Worker* worker_ = nullptr;  // from the constructor's return to stop()
  Listener* listener_ = nullptr;
  int event_fd_;
  std::mutex mutex_;
  std::vector<std::packaged_task<void()>> commands_;  // under mutex_
  std::promise<void> ready_;
  std::promise<void> released_;  // the worker may be destroyed
  std::atomic<bool> has_stopped_{false};
  std::thread thread_;
};

}  // namespace ouro::test
