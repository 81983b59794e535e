// One TCP or Unix stream connection, owned by its worker and used only on the worker's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ouro/address.h"
#include "ouro/buffer.h"
#include "ouro/error.h"
#include "ouro/handler.h"

namespace ouro {

class Worker;

// Handlers get references to connections; they never create or delete them. Every call may be
// made from any handler of the same worker; effects on the handler (drained, closed) come later in
// the turn, never from inside the call.
class Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends what was received without copying it. Bytes leave in the order of the calls. After
  // finish(), close() or abort() the bytes are dropped.
  void send(Buffer buffer);
  // Copies, then sends.
  void send(std::span<const std::byte> bytes);
  // Sends without a copy, straight from bytes that never change and outlive the worker.
  void send_constant(std::span<const std::byte> bytes);

  // No more will be sent: FIN follows the last unsent byte. Receiving goes on.
  void finish();
  // finish(), then discards what still comes until the peer ends too, or a second has passed.
  void close();
  // Cuts the connection with RST. What is unsent is lost, and closed() gets `reason`.
  void abort(Errc reason = Errc::kAborted);
  // The same, but only when what is unsent has reached the peer: so that it gets all there was, and
  // still does not take it for a clean end. Receiving ends at once. A peer that takes nothing is
  // cut after a minute, or after its idle timeout.
  void abort_when_sent(Errc reason = Errc::kAborted);

  // What one of the two receives is meant for the other: from now on its receiving waits for what
  // the other has unsent, and not for its own; and neither is idle while the other is not. The
  // handler still does the sending. Lasts until one of them has ended.
  void pair_with(Connection& other);
  // The same, but the engine does the sending, and within the kernel where it can (splice): the
  // handler hears nothing of those bytes, only the rest comes to data() and is still its own to
  // send on, at once. False where that cannot be done at all (fixed files, other operations than
  // recv, a simulation): then nothing has happened. The program has to ignore SIGPIPE.
  [[nodiscard]] bool splice_with(Connection& other);

  // Stops and restarts the flow of data(). After pause() up to one credit (60 KiB) may still come.
  void pause();
  void resume();

  // Bytes taken by send() that the kernel has not taken yet. When they reach the window, receiving
  // stops until they have gone: that is the back-pressure of an echo. Not so on a connection that
  // this side made: who asks and does not listen could make both sides wait for each other.
  [[nodiscard]] std::size_t unsent() const noexcept;
  [[nodiscard]] std::uint64_t received_bytes() const noexcept;
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept;

  // Closes the connection when nothing was received or sent for this long; zero turns it off.
  void set_idle_timeout(std::chrono::milliseconds timeout);

  // The handler of this connection alone, from the next call on.
  void set_handler(Handler& handler) noexcept;
  // A word of the program's own; the engine does not look at it.
  void* user = nullptr;

  [[nodiscard]] Worker& worker() const noexcept;
  // Asks the kernel; kNone when it does not say (gone, or a fixed file).
  [[nodiscard]] Address peer() const;
  [[nodiscard]] Address local() const;

 protected:
  Connection() = default;
  ~Connection() = default;
};

}  // namespace ouro
