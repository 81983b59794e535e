// Asks an admin address, one request after the other, each on a connection of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "ctl/answer.h"
#include "ouro/address.h"
#include "ouro/worker.h"

namespace ouro::ctl {

class Client {
 public:
  [[nodiscard]] static Result<Client> create(const Address& server);

  // Waits for the answer, but no longer than that. `target`: "/status". kReset: the server has
  // ended the connection without an answer.
  [[nodiscard]] Result<Answer> ask(const std::string& method, const std::string& target,
                                   std::chrono::milliseconds timeout);
  void pause(std::chrono::milliseconds time);

 private:
  Client(const Address& server, std::unique_ptr<Worker> worker)
      : server_(server), worker_(std::move(worker)) {}

  Address server_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace ouro::ctl
