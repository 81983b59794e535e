// The implementation of Worker: one backend, one timer wheel, and everything that lives on them.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/slab.h"
#include "engine/backend.h"
#include "engine/buffer_pool.h"
#include "engine/connection_state.h"
#include "engine/drain.h"
#include "engine/listener.h"
#include "engine/pipe_pool.h"
#include "engine/receive_policy.h"
#include "engine/receive_queues.h"
#include "engine/timer_wheel.h"
#include "os/wakeup.h"
#include "ouro/worker.h"

namespace ouro::engine {

// A descriptor somebody wants to hear of; the engine's side of Watch.
struct WatchSlot {
  int fd = -1;
  std::shared_ptr<std::function<void()>> readable;  // shared: it may remove itself while it runs
};

// One turn: hand over and wait, tell what completed, fire timers, retry what was parked, free what
// died. Nothing is freed before the end of a turn.
class WorkerLoop final : public Worker, private CompletionSink {
 public:
  // Counts into options.counters; keeps `own_counters` alive if they are nobody else's.
  WorkerLoop(const WorkerOptions& options, std::unique_ptr<Backend> backend, std::string reason,
             std::unique_ptr<Counters> own_counters);
  ~WorkerLoop() override;

  Result<Listener*> listen(const Address& address, Handler& handler,
                           const ListenOptions& options) override;
  Listener* listen_on(int listening_fd, Handler& handler) override;
  void set_admission(Admission* admission) override { admission_ = admission; }
  void readmit() override;
  void empty_queue(Listener* listener) override;
  void stop_listening(Listener* listener) override;
  Address address_of(const Listener* listener) const override;
  Result<Connection*> connect(const Address& to, Handler& handler,
                              const ConnectOptions& options) override;
  Connection& serve(int connected_fd, Handler& handler) override;
  void run() override;
  void turn(std::chrono::nanoseconds wait_max) override;
  void stop() noexcept override;
  void drain(std::chrono::milliseconds limit, std::function<void(std::size_t)> done) override;
  std::uint64_t now_ns() const noexcept override { return now_ns_; }
  std::size_t connection_count() const noexcept override { return connections_.used(); }
  std::size_t waiting_count() const noexcept override { return waiting_.size(); }
  const Counters& counters() const noexcept override { return counters_; }
  const char* engine_name() const noexcept override { return backend_->traits().name; }
  const std::string& engine_reason() const noexcept override { return reason_; }

  // For connections, listeners, timers and watches of this worker.
  [[nodiscard]] Backend& backend() noexcept { return *backend_; }
  [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
  [[nodiscard]] ReceivePolicy& policy() noexcept { return policy_; }
  [[nodiscard]] ReceiveQueues& queues() noexcept { return queues_; }
  [[nodiscard]] Drain& drain() noexcept { return drain_; }
  [[nodiscard]] Counters& counted() noexcept { return counters_; }
  [[nodiscard]] detail::BufferPool& unsent_pool() noexcept { return unsent_pool_; }
  // Records of bytes that are not ours, and no memory.
  [[nodiscard]] detail::BufferPool& constant_blocks() noexcept { return constant_blocks_; }
  [[nodiscard]] Slab<ZeroCopySend>& zero_copy_sends() noexcept { return zero_copy_sends_; }
  [[nodiscard]] PipePool& pipes() noexcept { return pipes_; }
  [[nodiscard]] const WorkerOptions& options() const noexcept { return options_; }
  // Shrinks as the memory for unsent bytes fills.
  [[nodiscard]] std::size_t window() const noexcept { return window_; }
  [[nodiscard]] bool room_for_connections(std::size_t expected) const noexcept;

  // A freshly accepted file: asks the admission, then serves it or lets it wait.
  void welcome(File file, Handler& handler);
  void retire(ConnectionState& connection) noexcept;
  std::uint32_t add_watch(int fd, std::shared_ptr<std::function<void()>> readable);
  void remove_watch(std::uint32_t number);
  template <typename Callee>
  void for_each_connection(Callee&& callee) {
    connections_.for_each(callee);
  }

 private:
  struct Waiting {
    File file;
    Handler* handler;
  };

  void complete(const Completion& completion) override;
  void accept_completed(const Completion& completion);
  void connection_completed(const Completion& completion);
  void zero_copy_completed(const Completion& completion);
  void watch_completed(const Completion& completion);
  [[nodiscard]] std::uint64_t wait_time(std::chrono::nanoseconds wait_max) const noexcept;
  void sweep_listeners();
  void open_fresh();
  void ask_again();
  void bury();
  void free_connection(ConnectionState& connection);
  void once_a_second();
  void update_window() noexcept;
  [[nodiscard]] bool has_work() const noexcept;
  ConnectionState& make_connection(File file, Handler& handler);

  const WorkerOptions options_;
  const std::unique_ptr<Counters> own_counters_;
  Counters& counters_;
  std::string reason_;
  os::Wakeup wakeup_;
  detail::BufferPool unsent_pool_;
  detail::BufferPool constant_blocks_;
  std::unique_ptr<Backend> backend_;
  PipePool pipes_;
  ReceivePolicy policy_;
  TimerWheel timers_;
  Slab<ConnectionState> connections_;
  Slab<ZeroCopySend> zero_copy_sends_;
  Slab<WatchSlot> watches_;
  std::vector<std::unique_ptr<ListenerState>> listeners_;
  std::vector<Waiting> waiting_;  // accepted, not admitted yet; bounded by accepts under way
  ReceiveQueues queues_;
  ConnectionList fresh_;  // opened() is due
  ConnectionList dead_;   // freed at the end of the turn
  Drain drain_;
  Admission* admission_ = nullptr;
  std::uint64_t now_ns_;
  std::uint64_t next_second_ns_ = 0;
  std::size_t window_;
  std::size_t outgoing_ = 0;  // connections this side made
  bool listeners_closing_ = false;
  bool sweep_due_ = false;
  bool readmitting_ = false;
  std::atomic<bool> stopping_{false};
  std::uint32_t wakeup_watch_ = 0;
};

}  // namespace ouro::engine
