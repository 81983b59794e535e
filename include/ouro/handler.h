// What a program supplies: five calls, made by the worker on its own thread.
#pragma once

#include "ouro/buffer.h"
#include "ouro/error.h"

namespace ouro {

class Connection;

// One handler may serve every connection of a listener, or each connection may be given its own
// (Connection::set_handler). A handler must outlive its connections. The calls never nest: while
// one runs, no other call for any connection of the same worker begins.
class Handler {
 public:
  virtual ~Handler() = default;

  // The connection is there: accepted, or connected after Worker::connect.
  virtual void opened(Connection&) {}
  // Bytes arrived, in order. Keep the lease only as long as needed; drop it or send it on.
  virtual void data(Connection&, Buffer) = 0;
  // What was unsent has fallen to nothing after it had filled the window.
  virtual void drained(Connection&) {}
  // The peer will send no more (FIN). Sending still works. The default answers in kind.
  virtual void ended(Connection&);
  // The last call for this connection; the reference is dead when it returns. kNone: a clean end.
  virtual void closed(Connection&, Errc) {}
};

}  // namespace ouro
