#include "host/admin_handler.h"

#include <memory>
#include <utility>

#include "ouro/connection.h"

namespace ouro::host {
namespace {

// From connecting to having read the response, however slowly the bytes trickle; without the time
// that an answer takes which is not there at once.
constexpr std::chrono::seconds kExchangeMax{10};
// More than a reload or an upgrade may take.
constexpr std::chrono::seconds kAnswerMax{60};

std::string_view as_text(const Buffer& buffer) {
  const auto bytes = buffer.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

AdminHandler::Exchange::Exchange(Connection& connection)
    : deadline(connection.worker(), [&connection] { connection.abort(Errc::kTimedOut); }) {
  deadline.start(kExchangeMax);
}

void AdminHandler::opened(Connection& connection) {
  connection.user = std::make_unique<Exchange>(connection).release();
}

void AdminHandler::data(Connection& connection, Buffer buffer) {
  auto& exchange = *static_cast<Exchange*>(connection.user);
  if (exchange.asked) return;
  exchange.received += as_text(buffer);
  const auto request = parse_admin_request(exchange.received);
  if (!request) return;
  exchange.asked = true;
  exchange.head = request->head;
  ++busy_;
  const Number number = ++last_;
  const bool served = request->status == 200 || request->status == 405;
  const auto answer = served ? serve_(*request, number) : plain_answer(request->status);
  if (answer) return send(connection, *answer);
  exchange.number = number;
  exchange.deadline.start(kAnswerMax);
  waiting_[number] = &connection;
}

void AdminHandler::send(Connection& connection, const AdminAnswer& answer) {
  auto& exchange = *static_cast<Exchange*>(connection.user);
  const std::string response = admin_response(answer, exchange.head);
  connection.send(std::as_bytes(std::span(response)));
  connection.close();
}

void AdminHandler::answer(Number number, const AdminAnswer& answer) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;
  Connection& connection = *found->second;
  auto& exchange = *static_cast<Exchange*>(connection.user);
  waiting_.erase(found);
  exchange.number = 0;
  exchange.deadline.start(kExchangeMax);
  send(connection, answer);
}

void AdminHandler::answer_all(const AdminAnswer& to_all) {
  while (!waiting_.empty()) answer(waiting_.begin()->first, to_all);
}

void AdminHandler::when_idle(std::function<void()> idle) {
  idle_ = std::move(idle);
  look_whether_idle();
}

void AdminHandler::look_whether_idle() {
  if (busy_ == 0 && idle_) std::exchange(idle_, nullptr)();
}

// Half a request will not become a whole one; an answer that is on its way, or still to come,
// arrives all the same.
void AdminHandler::ended(Connection& connection) {
  if (static_cast<Exchange*>(connection.user)->number == 0) connection.close();
}

void AdminHandler::closed(Connection& connection, Errc) {
  const std::unique_ptr<Exchange> last(static_cast<Exchange*>(connection.user));
  connection.user = nullptr;
  if (last == nullptr || !last->asked) return;
  waiting_.erase(last->number);
  --busy_;
  look_whether_idle();
}

}  // namespace ouro::host
