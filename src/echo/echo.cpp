#include "echo/echo.h"

#include <utility>

#include "ouro/connection.h"

namespace ouro::echo {

// The lease goes back out: an echo copies nothing. A client that does not read fills its window,
// and the engine stops receiving from it until it does.
void EchoHandler::data(Connection& connection, Buffer buffer) {
  connection.send(std::move(buffer));
}

// FIN follows the last byte that is still on its way.
void EchoHandler::ended(Connection& connection) { connection.finish(); }

}  // namespace ouro::echo
