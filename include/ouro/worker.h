// The loop: one thread, one core, one backend, and the connections and timers that live on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ouro/address.h"
#include "ouro/connection.h"
#include "ouro/counters.h"
#include "ouro/error.h"
#include "ouro/handler.h"
#include "ouro/options.h"

namespace ouro {

class Listener;

// Decides about each fresh connection before it is served: the seam for limits and balance that
// span several workers.
class Admission {
 public:
  enum class Verdict : std::uint8_t {
    kServe,  // serve it here
    kTaken,  // the callee owns the descriptor now
    kWait,   // keep it unserved; ask again at Worker::readmit(). Accepting stops meanwhile.
  };
  virtual ~Admission() = default;
  // `handler` is that of the listener it came by. `fd` is -1 when the worker accepts into fixed
  // files: then kTaken is not possible.
  [[nodiscard]] virtual Verdict admit(int fd, Handler& handler) = 0;
  // A connection that was admitted, or given to Worker::serve, has ended.
  virtual void left() = 0;
};

// Create it on the thread (or in the process) that will run it: an io_uring belongs to the thread
// that made it. Everything is called on that thread, except stop().
class Worker {
 public:
  // Fails when an engine was demanded that the system refuses, or a laboratory knob cannot be
  // honoured; the Failure says why in a sentence.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> create(const WorkerOptions& options = {});
  virtual ~Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Binds, listens and accepts; each connection gets `handler`, which must outlive the worker.
  // The listener lives until stop_listening() or the worker's end.
  [[nodiscard]] virtual Result<Listener*> listen(const Address& address, Handler& handler,
                                                 const ListenOptions& options = {}) = 0;
  // Accepts on a socket that already listens; takes the descriptor over.
  // Others may accept from it as well.
  [[nodiscard]] virtual Listener* listen_on(int listening_fd, Handler& handler) = 0;
  // Asked about every accepted connection from now on; null: serve them all.
  virtual void set_admission(Admission* admission) = 0;
  // Asks again about the connections that were told to wait.
  virtual void readmit() = 0;
  // Accepts whoever waits in its queue now.
  virtual void empty_queue(Listener* listener) = 0;
  // Accepting ends and the socket is closed; connections stay.
  virtual void stop_listening(Listener* listener) = 0;
  // The real address, with the port the kernel chose when 0 was asked for.
  [[nodiscard]] virtual Address address_of(const Listener* listener) const = 0;

  // Connects. handler.opened() follows, or handler.closed() with the reason. Fails only when no
  // socket can be made.
  [[nodiscard]] virtual Result<Connection*> connect(const Address& to, Handler& handler,
                                                    const ConnectOptions& options = {}) = 0;
  // Serves a connected stream socket made elsewhere; takes the descriptor over.
  virtual Connection& serve(int connected_fd, Handler& handler) = 0;

  // Runs until stop(), or until nothing is left to do (no listener, connection, timer or watch).
  virtual void run() = 0;
  // One turn: waits for events, at most this long, and handles them.
  virtual void turn(std::chrono::nanoseconds wait_max) = 0;
  // Ends run() soon. The only call allowed from other threads and from signal handlers.
  virtual void stop() noexcept = 0;

  // Lets what is under way finish: accepting ends after what is queued was accepted, quiet
  // connections are closed with FIN, busy ones when they fall quiet; a second before the limit (at
  // half of it, if it is short) reading stops, at the limit what is left is cut. `done` is told how
  // many were cut, those included that sent what was not read any more. While a drain runs, another
  // call can only bring its limit nearer, and its `done` is not told.
  virtual void drain(std::chrono::milliseconds limit, std::function<void(std::size_t)> done) = 0;

  // Monotonic time in nanoseconds, read once a turn.
  [[nodiscard]] virtual std::uint64_t now_ns() const noexcept = 0;
  [[nodiscard]] virtual std::size_t connection_count() const noexcept = 0;
  // Accepted, and told to wait by the admission.
  [[nodiscard]] virtual std::size_t waiting_count() const noexcept = 0;
  [[nodiscard]] virtual const Counters& counters() const noexcept = 0;
  // "uring" or "epoll".
  [[nodiscard]] virtual const char* engine_name() const noexcept = 0;
  // With EngineChoice::kAuto on epoll: why io_uring was not taken. Empty otherwise.
  [[nodiscard]] virtual const std::string& engine_reason() const noexcept = 0;

 protected:
  Worker() = default;
};

namespace detail {
class TimerState;
class WatchState;
}  // namespace detail

// Calls back once, some time after start(). Stops by itself when destroyed; must not outlive its
// worker.
class Timer {
 public:
  Timer(Worker& worker, std::function<void()> expired);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Restarts if it is running. Fires at the first turn after the delay has passed.
  void start(std::chrono::nanoseconds delay);
  void stop() noexcept;
  [[nodiscard]] bool running() const noexcept;

 private:
  std::unique_ptr<detail::TimerState> state_;
};

// Calls back whenever a descriptor (pipe, eventfd, control socket) is readable. Does not own the
// descriptor. Must not outlive its worker. One watch a descriptor.
class Watch {
 public:
  Watch(Worker& worker, int fd, std::function<void()> readable);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  std::unique_ptr<detail::WatchState> state_;
};

}  // namespace ouro
