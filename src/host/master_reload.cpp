// How a server is told to do something else: first all of it is checked and bound, and if anything
// is wrong nothing changes. Then everybody is told, in the same order.

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/time_text.h"
#include "host/master.h"
#include "os/shared_memory.h"

namespace ouro::host {
namespace {

// Their numbers fit the text of a message, and their descriptors what the kernel passes at once.
constexpr std::size_t kListenersInMessage = 60;

constexpr const char* kNothingToReload = "there is nothing to reload";

}  // namespace

void Master::reload_by_signal() {
  if (!options_.application->can_reload()) {
    return log::info("signal_ignored", {{"reason", kNothingToReload}});
  }
  (void)reload();
}

// Gives why not, each reason by itself.
std::vector<std::string> Master::reload() {
  if (!options_.application->can_reload()) return {kNothingToReload};
  std::vector<std::string> wrong = try_reload();
  for (const std::string& reason : wrong) log::error("reload_refused", {{"reason", reason}});
  last_reload_ = {.reasons = wrong, .unix_ms = unix_ms_now()};
  return wrong;
}

std::vector<std::string> Master::try_reload() {
  if (draining_ || pages_.master().state.load() != ServerState::kReady) {
    return {"the server is starting or leaving"};
  }
  if (successor_) return {"an upgrade is under way, and the new run has read its config"};
  Application& application = *options_.application;
  std::vector<std::string> wrong = application.reload();
  if (!wrong.empty()) return wrong;
  auto files = application.open_files();
  if (!files) {
    application.abandon();
    return {files.error().what};
  }
  const auto change = listeners_.change_to(application.places(), plan_.workers);
  if (!change) {
    application.abandon();
    return {change.error().what};
  }
  ++reloads_;
  files_ = std::move(*files);
  const auto told = tell_all(*change, application.commit(change->all));
  listeners_.remove(change->removed);
  if (told) return {};
  log::error("reload_failed", {{"reason", told.error().what}});
  return {"it could not be passed on, so restart the server: " + told.error().what};
}

// Log files that were moved away are left to who moved them.
void Master::reopen_files() {
  auto files = options_.application->open_files();
  if (!files) return log::error("files_not_reopened", {{"reason", files.error().what}});
  if (files->empty() && files_.empty()) {
    return log::info("signal_ignored", {{"reason", "there are no files to open again"}});
  }
  files_ = std::move(*files);
  for (Child& child : children_) {
    if (!child.is_worker && child.process != 0) tell(child, files_message());
  }
  log::info("files_reopened", {{"files", files_.size()}});
}

Message Master::files_message() const {
  Message message{.kind = MessageKind::kFiles};
  message.fds.reserve(files_.size());
  for (const os::Fd& file : files_) message.fds.push_back(file.get());
  return message;
}

// What is gone first, so that who waits there still comes in by the rules it came under; what is
// new last, when everybody knows what to do with it.
Result<void> Master::tell_all(const Listeners::Change& change, const std::string& plan) {
  const auto bytes = os::make_shared_bytes(plan);
  std::vector<Listeners::OwnSocket> removed;
  removed.reserve(change.removed.size());
  for (const ListenerId listener : change.removed) removed.push_back({listener, -1});
  for (Child& child : children_) {
    if (child.process == 0) continue;
    if (child.is_worker) {
      for (const Message& message : in_messages(MessageKind::kUnlisten, removed)) {
        tell(child, message);
      }
    }
    if (bytes) {
      tell(child, {.kind = MessageKind::kPlan, .number = plan.size(), .fds = {bytes->get()}});
    }
    if (bytes && !child.is_worker) tell(child, files_message());
    if (child.is_worker) {
      const auto added = listeners_.sockets_of(child.index, change.added);
      for (const Message& message : in_messages(MessageKind::kListen, added)) {
        tell(child, message);
      }
    }
    tell(child, {.kind = MessageKind::kCommit, .number = reloads_});
  }
  // The sockets of who is down or hung, for who looks after them.
  for (const Child& child : children_) {
    if (!child.is_worker) continue;
    if (const auto adopter = adoption_.adopter_of(child.index)) {
      (void)send_adoption(children_[*adopter].control.get(), child.index);
    }
  }
  if (!bytes) return std::unexpected(bytes.error());
  return {};
}

// A child that is starting, or whose queue is full, is told as soon as it can be.
void Master::tell(Child& child, const Message& message) {
  Letter letter{message, {}};
  for (const int fd : message.fds) letter.fds.push_back(os::duplicate(fd));
  child.outbox.push_back(std::move(letter));
  flush(child);
}

void Master::flush(Child& child) {
  while (child.ready && !child.outbox.empty()) {
    Letter& letter = child.outbox.front();
    letter.message.fds.clear();
    for (const os::Fd& fd : letter.fds) letter.message.fds.push_back(fd.get());
    if (!send_control(child.control.get(), letter.message)) return;
    child.outbox.pop_front();
  }
}

// A process that is not there is not waited for: it begins with what is in force.
void Master::settle_reloads() {
  std::uint64_t everywhere = reloads_;
  for (const Child& child : children_) {
    if (child.process != 0) everywhere = std::min(everywhere, child.reload);
  }
  if (everywhere <= reloads_in_force_) return;
  reloads_in_force_ = everywhere;
  log::info("reloaded", {{"reload", everywhere}});
  if (everywhere == reloads_ && last_reload_ && last_reload_->reasons.empty()) {
    last_reload_->done = true;
    last_reload_->unix_ms = unix_ms_now();
  }
  answer_reloads();
}

// Several if need be. A socket that is -1 is only named. There is one message even for none: it
// may have more to say.
std::vector<Message> Master::in_messages(MessageKind kind,
                                         const std::vector<Listeners::OwnSocket>& sockets) {
  std::vector<Message> messages(1, Message{.kind = kind});
  std::size_t in_last = 0;
  for (const Listeners::OwnSocket& socket : sockets) {
    if (in_last == kListenersInMessage) {
      messages.push_back(Message{.kind = kind});
      in_last = 0;
    }
    messages.back().text += fmt::format("{} ", socket.listener);
    if (socket.fd >= 0) messages.back().fds.push_back(socket.fd);
    ++in_last;
  }
  return messages;
}

}  // namespace ouro::host
