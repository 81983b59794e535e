// RFC 862: what a client sends is what it gets.
#pragma once

#include "ouro/handler.h"

namespace ouro::echo {

// Serves any number of connections; keeps nothing about them.
class EchoHandler final : public Handler {
 public:
  void data(Connection& connection, Buffer buffer) override;
  void ended(Connection& connection) override;
};

}  // namespace ouro::echo
