// What clients of the admin address say, and are answered: one request per connection. Some answers
// take their time, because others have to be asked first.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "host/admin_request.h"
#include "ouro/handler.h"
#include "ouro/worker.h"

namespace ouro::host {

class AdminHandler final : public Handler {
 public:
  // Of a client and its request; never used again.
  using Number = std::uint64_t;
  // The answer to a request that is well-formed, or whose method is unknown (405); nothing:
  // answer() follows.
  using Serve = std::function<std::optional<AdminAnswer>(const AdminRequest&, Number)>;
  explicit AdminHandler(Serve serve) : serve_(std::move(serve)) {}

  // The client may be gone by then.
  void answer(Number number, const AdminAnswer& answer);
  // All who are waiting.
  void answer_all(const AdminAnswer& answer);
  // Once, when nobody waits for an answer, or for the rest of one.
  void when_idle(std::function<void()> idle);

  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void ended(Connection& connection) override;
  void closed(Connection& connection, Errc reason) override;

 private:
  // What one client has said so far.
  struct Exchange {
    explicit Exchange(Connection& connection);
    std::string received;
    bool asked = false;
    bool head = false;
    Number number = 0;  // not 0: its answer is still to come
    Timer deadline;
  };

  static void send(Connection& connection, const AdminAnswer& answer);
  void look_whether_idle();

  Serve serve_;
  Number last_ = 0;
  std::map<Number, Connection*> waiting_;
  std::size_t busy_ = 0;  // that have asked, and are still there
  std::function<void()> idle_;
};

}  // namespace ouro::host
