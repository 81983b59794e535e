#include "ctl/client.h"

#include <optional>

#include "base/units.h"
#include "ouro/connection.h"

namespace ouro::ctl {
namespace {

// One request and its answer. Outlives its connection.
class Exchange final : public Handler {
 public:
  Exchange(Worker& worker, std::string request)
      : request_(std::move(request)), timer_(worker, [this] { over(Errc::kTimedOut); }) {}

  void begin(Connection& connection, std::chrono::milliseconds timeout) {
    connection_ = &connection;
    timer_.start(timeout);
  }

  [[nodiscard]] bool connection_is_open() const { return connection_ != nullptr; }
  [[nodiscard]] bool reached() const { return reached_; }
  // Why there is no answer; kNone: the server has ended the connection.
  [[nodiscard]] Errc reason() const { return reason_; }
  [[nodiscard]] Result<std::optional<Answer>> answer() const { return parse_answer(received_); }

  void opened(Connection& connection) override {
    reached_ = true;
    connection.send(std::as_bytes(std::span(request_)));
  }
  void data(Connection&, Buffer buffer) override {
    const auto bytes = buffer.bytes();
    received_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto answer = parse_answer(received_);
    if (!answer || *answer) over(Errc::kNone);
  }
  void ended(Connection&) override { over(Errc::kNone); }
  void closed(Connection&, Errc reason) override {
    connection_ = nullptr;
    timer_.stop();
    if (!over_) reason_ = reason;
  }

 private:
  void over(Errc reason) {
    if (over_ || connection_ == nullptr) return;
    over_ = true;
    reason_ = reason;
    connection_->abort();
  }

  std::string request_;
  std::string received_;
  Connection* connection_ = nullptr;
  bool reached_ = false;
  bool over_ = false;
  Errc reason_ = Errc::kNone;
  Timer timer_;
};

}  // namespace

// The plain engine will do: this is one connection.
Result<Client> Client::create(const Address& server) {
  WorkerOptions options;
  options.engine = EngineChoice::kEpoll;
  auto worker = Worker::create(options);
  if (!worker) return std::unexpected(worker.error());
  return Client(server, std::move(*worker));
}

Result<Answer> Client::ask(const std::string& method, const std::string& target,
                           std::chrono::milliseconds timeout) {
  const std::string place = server_.to_string();
  Exchange exchange(*worker_,
                    method + ' ' + target + " HTTP/1.1\r\nHost: ouro\r\nConnection: close\r\n\r\n");
  ConnectOptions options;
  options.timeout = timeout;
  const auto connection = worker_->connect(server_, exchange, options);
  if (!connection) return std::unexpected(connection.error());
  exchange.begin(**connection, timeout);
  while (exchange.connection_is_open()) worker_->turn(std::chrono::hours{1});
  auto answer = exchange.answer();
  if (!answer) return fail(answer.error().code, place + ": " + answer.error().what);
  if (*answer) return std::move(**answer);
  if (exchange.reason() == Errc::kTimedOut) {
    return fail(Errc::kTimedOut, place + " gives no answer within " + format_duration(timeout));
  }
  if (!exchange.reached()) {
    return fail(exchange.reason(), "cannot reach " + place + ": " + to_string(exchange.reason()));
  }
  return fail(Errc::kReset, place + " has ended the connection without an answer");
}

void Client::pause(std::chrono::milliseconds time) {
  bool over = false;
  Timer timer(*worker_, [&over] { over = true; });
  timer.start(time);
  while (!over) worker_->turn(time);
}

}  // namespace ouro::ctl
