// What the master is asked by the attendant, in the name of whoever could open the admin socket: it
// says how the server is, and does what a signal would have it do. The answer follows when that has
// come to pass; if the attendant dies before, nobody is left to be answered.

#include <fmt/format.h>

#include <array>

#include "base/log.h"
#include "host/master.h"
#include "os/process.h"
#include "os/shared_memory.h"

namespace ouro::host {
namespace {

// More than the attendant has clients.
constexpr std::size_t kAsksMax = 1024;

}  // namespace

void Master::asked(const ReceivedMessage& message) {
  const std::uint64_t number = message.number;
  const auto refuse = [this, number](const std::string& reason) {
    answer(number, std::array{reason});
  };
  if (asks_.size() >= kAsksMax) return refuse("too many ask at once");
  const ServerState state = pages_.master().state.load();
  switch (message.kind) {
    case MessageKind::kAskReload:
      if (const auto reasons = reload(); !reasons.empty()) return answer(number, reasons);
      asks_.push_back({message.kind, number, reloads_});
      return settle_reloads();
    case MessageKind::kAskUpgrade:
      if (const auto reason = upgrade(); !reason.empty()) return refuse(reason);
      asks_.push_back({message.kind, number, 0});
      return;
    case MessageKind::kAskDrain:
      if (state == ServerState::kStarting) return refuse("the server is starting");
      if (state == ServerState::kReady) terminate();
      return answer(number, {});
    default:
      return answer(number, "status", status());
  }
}

// Without room for the answer it gets the word alone.
void Master::answer(std::uint64_t number, std::string_view outcome, const std::string& body) {
  const auto bytes = os::make_shared_bytes(body);
  Message message{.kind = MessageKind::kAnswer,
                  .number = number,
                  .text = fmt::format("{} {}", outcome, body.size())};
  if (bytes) message.fds.push_back(bytes->get());
  for (Child& child : children_) {
    if (!child.is_worker && child.process != 0) tell(child, message);
  }
}

void Master::answer(std::uint64_t number, std::span<const std::string> reasons) {
  answer(number, reasons.empty() ? "done" : "refused", outcome_json(reasons));
}

void Master::answer_reloads() {
  std::erase_if(asks_, [this](const Ask& ask) {
    const bool in_force = ask.what == MessageKind::kAskReload && ask.reload <= reloads_in_force_;
    if (in_force) answer(ask.number, {});
    return in_force;
  });
}

void Master::answer_all(MessageKind what, std::span<const std::string> reasons) {
  std::erase_if(asks_, [this, what, reasons](const Ask& ask) {
    if (ask.what == what) answer(ask.number, reasons);
    return ask.what == what;
  });
}

std::string Master::status() const {
  ServerStatus status;
  status.program = options_.name;
  status.version = options_.version;
  status.process_id = os::own_process_id();
  status.started_unix_ms = started_unix_ms_;
  status.state_unix_ms = state_unix_ms_;
  for (const Address& address : listeners_.addresses()) {
    status.listeners.push_back(address.to_string());
  }
  if (admin_address_) status.admin = admin_address_->to_string();
  status.reloads = reloads_in_force_;
  status.last_reload = last_reload_;
  return status_json(status, pages_);
}

}  // namespace ouro::host
