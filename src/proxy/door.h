// Where clients come in: the handler of one listener in one worker, whatever config is in force.
#pragma once

#include <string_view>

#include "host/application.h"
#include "ouro/handler.h"
#include "proxy/session_end.h"

namespace ouro::proxy {

class Service;

class Door final : public Handler {
 public:
  Door(Service& service, host::ListenerId listener) noexcept
      : service_(service), listener_(listener) {}

  void opened(Connection& connection) override;
  void data(Connection&, Buffer) override {}  // of one that was refused

 private:
  void refuse(Connection& connection, const Address& peer, std::string_view name, Cause cause);

  Service& service_;
  const host::ListenerId listener_;
};

}  // namespace ouro::proxy
