// The attendant: one process that does what is not the data path. It serves the admin address. If
// it dies, traffic does not notice; the master starts another.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host/admin_request.h"
#include "host/child.h"
#include "ouro/handler.h"
#include "ouro/worker.h"

namespace ouro::host {

// Answers one request per connection and closes it. `serve` makes the response to a good request.
class AdminHandler final : public Handler {
 public:
  using Serve = std::function<std::string(const AdminRequest&)>;
  explicit AdminHandler(Serve serve) : serve_(std::move(serve)) {}

  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void ended(Connection& connection) override;
  void closed(Connection& connection, Errc reason) override;

 private:
  // What one client has said so far.
  struct Exchange {
    explicit Exchange(Connection& connection);
    std::string received;
    bool answered = false;
    Timer deadline;
  };

  Serve serve_;
};

class AttendantProcess {
 public:
  explicit AttendantProcess(AttendantStart start);

  [[nodiscard]] int run();

 private:
  [[nodiscard]] Result<void> make_engine();
  void control_readable();
  void leave();
  void obey(ReceivedMessage& message);
  [[nodiscard]] std::string respond(const AdminRequest& request) const;

  AttendantStart start_;
  ControlLine control_;
  AdminHandler handler_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<AttendantService> service_;
  Listener* listener_ = nullptr;
  std::unique_ptr<Watch> control_watch_;
  std::unique_ptr<Timer> orphan_timer_;
};

}  // namespace ouro::host
