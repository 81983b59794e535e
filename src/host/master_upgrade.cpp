// How a server is replaced by another run of its program, perhaps a newer one. The successor gets
// the listening sockets themselves, so nobody is refused in between; when it is ready this server
// drains and ends. If it does not become ready, nothing has happened.

#include <fmt/format.h>

#include <iterator>
#include <sstream>

#include "base/log.h"
#include "base/units.h"
#include "host/master.h"
#include "os/clock.h"
#include "os/pipe.h"
#include "os/successor.h"

namespace ouro::host {
namespace {

constexpr std::chrono::seconds kReadyWithin{30};

}  // namespace

void Master::upgrade() {
  const bool ready = !draining_ && pages_.master().state.load() == ServerState::kReady;
  if (!ready || successor_) {
    return log::warn("upgrade_refused",
                     {{"reason", successor_ ? "one is under way" : "starting or leaving"}});
  }
  auto pipe = os::make_pipe();
  if (!pipe) return log::error("upgrade_failed", {{"reason", pipe.error().what}});
  std::vector<int> fds{pipe->writing.get()};
  std::string text;
  for (const auto& [address, sockets] : listeners_.all()) {
    text += fmt::format("listen {} {}\n", sockets.size(), address.to_string());
    fds.insert(fds.end(), sockets.begin(), sockets.end());
  }
  if (admin_.valid()) {
    text += fmt::format("admin 1 {}\n", options_.admin->to_string());
    fds.push_back(admin_.get());
  }
  const auto process = os::start_successor(text, fds);
  if (!process) return log::error("upgrade_failed", {{"reason", process.error().what}});
  log::info("upgrading", {{"pid", *process}});
  successor_ = {*process, std::move(pipe->reading), os::now_ns() + as_ns(kReadyWithin)};
}

// It has said that it is ready, or it has ended.
void Master::hear_successor() {
  if (!os::read_byte(successor_->ready.get())) return successor_failed("it ended");
  succeeded_ = true;
  log::info("upgraded", {{"pid", successor_->process}});
  pages_.master().state.store(ServerState::kLeaving);
  for (Child& child : children_) {
    if (!child.is_worker && child.process != 0) tell(child, {.kind = MessageKind::kUnlisten});
  }
  successor_.reset();
  begin_drain();
}

void Master::successor_failed(std::string_view why) {
  os::kill_process(successor_->process);
  os::reap(successor_->process);
  log::error("upgrade_failed", {{"reason", why}, {"pid", successor_->process}});
  successor_.reset();
}

// As a successor: takes what was left to it. Each line says what: "listen 2 127.0.0.1:80", of which
// the next two descriptors are the sockets.
void Master::inherit() {
  auto inheritance = os::take_inheritance();
  if (!inheritance || inheritance->fds.empty()) return;
  predecessor_ = std::move(inheritance->fds.front());
  auto next = inheritance->fds.begin() + 1;
  std::istringstream lines(inheritance->text);
  std::string kind;
  std::ptrdiff_t count = 0;
  std::string place;
  while (lines >> kind >> count && std::getline(lines >> std::ws, place)) {
    const auto address = Address::parse(place);
    if (!address || count < 0 || count > inheritance->fds.end() - next) return;
    std::vector<os::Fd> sockets(std::make_move_iterator(next),
                                std::make_move_iterator(next + count));
    next += count;
    if (kind == "listen") {
      listeners_.inherit(*address, std::move(sockets));
    } else if (options_.admin == *address && count == 1) {
      admin_ = std::move(sockets.front());
    }
  }
}

}  // namespace ouro::host
