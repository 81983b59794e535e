// The attendant: one process that does what is not the data path. It serves the admin address. If
// it dies, traffic does not notice; the master starts another.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "host/admin_handler.h"
#include "host/child.h"
#include "ouro/worker.h"

namespace ouro::host {

class AttendantProcess {
 public:
  explicit AttendantProcess(AttendantStart start);

  [[nodiscard]] int run();

 private:
  [[nodiscard]] Result<void> make_engine();
  void control_readable();
  void leave();
  void finish_answers();
  void obey(ReceivedMessage& message);

  // Pages (attendant_pages.cpp).
  using Answer = std::optional<AdminAnswer>;
  using Number = AdminHandler::Number;
  [[nodiscard]] Answer respond(const AdminRequest& request, Number number);
  [[nodiscard]] Answer show(const AdminRequest& request, Number number);
  [[nodiscard]] Answer change(const AdminRequest& request, Number number);
  [[nodiscard]] AdminAnswer steer_server(const AdminRequest& request);
  [[nodiscard]] Answer ask_master(MessageKind what, Number number);
  [[nodiscard]] AdminAnswer servers_page() const;
  void answered(const ReceivedMessage& message);

  AttendantStart start_;
  ControlLine control_;
  AdminHandler handler_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<AttendantService> service_;
  Listener* listener_ = nullptr;
  std::unique_ptr<Watch> control_watch_;
  std::unique_ptr<Timer> orphan_timer_;
  std::unique_ptr<Timer> last_answers_timer_;
  bool may_steer_ = false;  // who can reach the admin address is the server's owner
};

}  // namespace ouro::host
