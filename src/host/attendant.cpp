#include "host/attendant.h"

#include <string_view>

#include "base/log.h"
#include "os/clock.h"
#include "os/shared_memory.h"

namespace ouro::host {
namespace {

constexpr std::size_t kAdminConnectionsMax = 1000;
// From connecting to having read the response, however slowly the bytes trickle.
constexpr std::chrono::seconds kExchangeMax{10};
constexpr std::chrono::milliseconds kLeaveWithin{500};

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

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
  if (exchange.answered) return;
  exchange.received += as_text(buffer);
  const auto request = parse_admin_request(exchange.received);
  if (!request) return;
  exchange.answered = true;
  const std::string response =
      request->status == 200 ? serve_(*request) : admin_refusal(request->status, request->head);
  connection.send(std::as_bytes(std::span(response)));
  connection.close();
}

// Half a request will not become a whole one; an answer that is on its way still arrives.
void AdminHandler::ended(Connection& connection) { connection.close(); }

void AdminHandler::closed(Connection& connection, Errc) {
  const std::unique_ptr<Exchange> last(static_cast<Exchange*>(connection.user));
  connection.user = nullptr;
}

int run_attendant(AttendantStart start) {
  settle_in("attendant", "ouro-attendant");
  return AttendantProcess(std::move(start)).run();
}

AttendantProcess::AttendantProcess(AttendantStart start)
    : start_(std::move(start)),
      control_(std::move(start_.common.control)),
      handler_([this](const AdminRequest& request) { return respond(request); }) {}

int AttendantProcess::run() {
  if (auto made = make_engine(); !made) return control_.fail(made.error().what);
  service_ = start_.common.options->application->make_attendant_service(*worker_);
  const bool uring = std::string_view{worker_->engine_name()} == "uring";
  const auto missing = give_up_rights(start_.common, uring);
  if (!missing) return control_.fail(missing.error().what);
  if (start_.listener.valid()) {
    listener_ = worker_->listen_on(start_.listener.release(), handler_);
  }
  if (service_ != nullptr) service_->use_files(std::move(start_.files));
  control_watch_ = std::make_unique<Watch>(*worker_, control_.fd(), [this] { control_readable(); });
  control_.say({.kind = MessageKind::kReady, .text = *missing});
  worker_->run();
  // Its connections may outlive it no more than its timers may outlive the worker: nothing is
  // taken apart, the process ends.
  os::exit_now(kExitDone);
}

Result<void> AttendantProcess::make_engine() {
  WorkerOptions options;
  options.engine = start_.common.engine;
  options.connections_max = kAdminConnectionsMax;
  options.counters = &start_.common.pages->attendant().counters;
  options.laboratory.buffer_bytes = kRequestBytesMax;
  options.laboratory.buffer_count_max = kAdminConnectionsMax;
  auto worker = Worker::create(options);
  if (!worker) return std::unexpected(worker.error());
  worker_ = std::move(*worker);
  return {};
}

void AttendantProcess::control_readable() {
  bool gone = false;
  while (auto message = receive_control(control_.fd(), gone)) obey(*message);
  if (!gone) return;
  control_watch_ = nullptr;
  if (service_ == nullptr) return worker_->drain(kLeaveWithin, [this](std::size_t) { leave(); });
  // The workers have heard it too: what they leave to it comes until then.
  orphan_timer_ = std::make_unique<Timer>(*worker_, [this] { leave(); });
  orphan_timer_->start(kOrphanDrain);
}

void AttendantProcess::leave() {
  if (service_ == nullptr) return worker_->stop();
  service_->leave([this] { worker_->stop(); });
}

void AttendantProcess::obey(ReceivedMessage& message) {
  switch (message.kind) {
    case MessageKind::kPlan:
      if (service_ == nullptr || message.fds.empty()) return;
      if (const auto plan = os::read_shared_bytes(message.fds.front().get(), message.number)) {
        service_->reconfigure(*plan);
      }
      return;
    case MessageKind::kFiles:
      if (service_ != nullptr) service_->use_files(std::move(message.fds));
      return;
    case MessageKind::kUnlisten:
      if (listener_ != nullptr) worker_->stop_listening(std::exchange(listener_, nullptr));
      return;
    case MessageKind::kDrain:
      return leave();
    case MessageKind::kCommit:
      return control_.say({.kind = MessageKind::kReloaded, .number = message.number});
    default:
      return;  // kPing: the turn that read it is the answer
  }
}

std::string AttendantProcess::respond(const AdminRequest& request) const {
  const SharedPages& pages = *start_.common.pages;
  if (request.path == "/healthz") {
    const bool healthy = is_healthy(pages);
    return admin_response(healthy ? 200 : 503, kPlainText, healthy ? "ready\n" : "not ready\n",
                          request.head);
  }
  if (request.path == "/metrics") {
    std::string page = metrics_text(start_.info, pages, os::now_ns());
    if (service_ != nullptr) service_->append_metrics(page);
    return admin_response(200, kMetricsText, page, request.head);
  }
  return admin_refusal(404, request.head);
}

}  // namespace ouro::host
