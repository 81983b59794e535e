#include "host/attendant.h"

#include <string_view>

#include "host/status.h"
#include "os/shared_memory.h"
#include "os/socket.h"

namespace ouro::host {
namespace {

constexpr std::size_t kAdminConnectionsMax = 1000;
constexpr std::chrono::milliseconds kLeaveWithin{500};

}  // namespace

int run_attendant(AttendantStart start) {
  settle_in("attendant", "ouro-attendant");
  return AttendantProcess(std::move(start)).run();
}

AttendantProcess::AttendantProcess(AttendantStart start)
    : start_(std::move(start)),
      control_(std::move(start_.common.control)),
      handler_([this](const AdminRequest& request, Number number) {
        return respond(request, number);
      }) {}

int AttendantProcess::run() {
  if (auto made = make_engine(); !made) return control_.fail(made.error().what);
  service_ = start_.common.options->application->make_attendant_service(*worker_);
  const bool uring = std::string_view{worker_->engine_name()} == "uring";
  const auto missing = give_up_rights(start_.common, uring);
  if (!missing) return control_.fail(missing.error().what);
  if (start_.listener.valid()) {
    may_steer_ = os::is_unix(start_.listener.get());
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
  handler_.answer_all(
      {503, outcome_json(std::vector<std::string>{"the server's master has died"})});
  if (service_ == nullptr) return worker_->drain(kLeaveWithin, [this](std::size_t) { leave(); });
  // The workers have heard it too: what they leave to it comes until then.
  orphan_timer_ = std::make_unique<Timer>(*worker_, [this] { leave(); });
  orphan_timer_->start(kOrphanDrain);
}

void AttendantProcess::leave() {
  if (service_ == nullptr) return finish_answers();
  service_->leave([this] { finish_answers(); });
}

// Who has asked has the answer before this process ends: perhaps it is about that end.
void AttendantProcess::finish_answers() {
  last_answers_timer_ = std::make_unique<Timer>(*worker_, [this] { worker_->stop(); });
  last_answers_timer_->start(kLeaveWithin);
  handler_.when_idle([this] { worker_->stop(); });
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
    case MessageKind::kAnswer:
      return answered(message);
    default:
      return;  // kPing: the turn that read it is the answer
  }
}

}  // namespace ouro::host
