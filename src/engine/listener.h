// Takes connections off one listening socket and hands them to the worker.
#pragma once

#include "engine/backend.h"
#include "engine/timer_wheel.h"
#include "ouro/worker.h"

namespace ouro {

// Handlers hold it as an opaque name.
class Listener {
 protected:
  Listener() = default;
  ~Listener() = default;
};

}  // namespace ouro

namespace ouro::engine {

class WorkerLoop;

// Waits until the socket is readable and then accepts a few: taking a whole backlog in one turn
// would let everybody else wait. No accept is ever under way in the kernel, where it would take a
// newcomer even after its process was killed. When descriptors or slots run out it stops, and goes
// on when a connection has closed or a tenth of a second has passed. Owned by its worker.
class ListenerState final : public Listener, private TimerNode {
 public:
  ListenerState(WorkerLoop& loop, File file, Handler& handler, std::uint32_t number) noexcept;
  ~ListenerState() override;

  // The socket is readable, or an accept has completed.
  void completed(const Completion& completion);
  // Asks to be told of the next ones, if there is room for them.
  void arm();
  // Ends accepting; the socket is closed when nothing is under way any more.
  void close();
  // Accepts all that is queued, without waiting; for the drain.
  void empty_queue();
  // Descriptors or slots may be free again.
  void resume();
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  [[nodiscard]] bool closed() const noexcept { return closing_ && under_way_ == 0; }
  [[nodiscard]] File file() const noexcept { return file_; }

 private:
  static constexpr std::uint32_t kAcceptsInTurn = 16;
  static constexpr std::uint64_t kPauseNs = 100'000'000;

  void expired() override;
  void accept_ready();
  void accept_failed(Errc error);
  [[nodiscard]] Token token() const noexcept;

  WorkerLoop& loop_;
  File file_;
  Handler& handler_;
  AcceptMode mode_;
  std::uint32_t number_;
  std::uint32_t under_way_ = 0;
  bool paused_ = false;
  bool full_ = false;  // no room for a connection
  bool closing_ = false;
};

}  // namespace ouro::engine
