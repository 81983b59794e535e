// How a server is told to do something else: first all of it is checked and bound, and if anything
// is wrong nothing changes. Then everybody is told, in the same order.

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "host/master.h"
#include "os/shared_memory.h"

namespace ouro::host {
namespace {

// Their numbers fit the text of a message, and their descriptors what the kernel passes at once.
constexpr std::size_t kListenersInMessage = 60;

}  // namespace

void Master::reload() {
  if (!options_.application->can_reload()) {
    return log::info("signal_ignored", {{"reason", "there is nothing to reload"}});
  }
  if (draining_ || pages_.master().state.load() != ServerState::kReady) {
    return log::warn("reload_refused", {{"reason", "the server is starting or leaving"}});
  }
  Application& application = *options_.application;
  const std::vector<std::string> wrong = application.reload();
  for (const std::string& reason : wrong) log::error("reload_refused", {{"reason", reason}});
  if (!wrong.empty()) return;
  auto files = application.open_files();
  if (!files) {
    application.abandon();
    return log::error("reload_refused", {{"reason", files.error().what}});
  }
  const auto change = listeners_.change_to(application.places(), plan_.workers);
  if (!change) {
    application.abandon();
    return log::error("reload_refused", {{"reason", change.error().what}});
  }
  ++reloads_;
  files_ = std::move(*files);
  tell_all(*change, application.commit(change->all));
  listeners_.remove(change->removed);
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
void Master::tell_all(const Listeners::Change& change, const std::string& plan) {
  const auto bytes = os::make_shared_bytes(plan);
  if (!bytes) log::error("reload_failed", {{"reason", bytes.error().what}});
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

void Master::reloaded(Child& child, std::uint64_t number) {
  child.reload = number;
  if (number != reloads_) return;
  const bool everywhere = std::ranges::all_of(
      children_, [number](const Child& one) { return one.process == 0 || one.reload == number; });
  if (everywhere) log::info("reloaded", {{"reload", number}});
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
