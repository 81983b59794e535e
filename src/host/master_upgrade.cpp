// How a server is replaced by another run of its program, perhaps a newer one. The successor gets
// the listening sockets themselves, so nobody is refused in between; when it is ready this server
// drains and ends. If it does not become ready, nothing has happened.

#include <fmt/format.h>

#include <array>
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
// The kernel passes no more than twice this.
constexpr std::size_t kBequestBytesMax = 65536;

std::string bequest_lines(const Application& application) {
  std::string text;
  for (const std::string& line : application.bequest()) {
    if (text.size() + line.size() > kBequestBytesMax) {
      log::warn("not_handed_on", {{"reason", "there is too much"}, {"from", line}});
      break;
    }
    text += fmt::format("application 0 {}\n", line);
  }
  return text;
}

}  // namespace

// Gives why not; empty: it has begun.
std::string Master::upgrade() {
  const bool ready = !draining_ && pages_.master().state.load() == ServerState::kReady;
  if (!ready || successor_) {
    const std::string reason =
        successor_ ? "one is under way" : "the server is starting or leaving";
    log::warn("upgrade_refused", {{"reason", reason}});
    return reason;
  }
  const auto failed = [](const std::string& reason) {
    log::error("upgrade_failed", {{"reason", reason}});
    return reason;
  };
  auto pipe = os::make_pipe();
  if (!pipe) return failed(pipe.error().what);
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
  text += bequest_lines(*options_.application);
  const auto process = os::start_successor(text, fds);
  if (!process) return failed(process.error().what);
  log::info("upgrading", {{"pid", *process}});
  successor_ = {*process, std::move(pipe->reading), os::now_ns() + as_ns(kReadyWithin)};
  return {};
}

// It has said that it is ready, or it has ended.
void Master::hear_successor() {
  if (!os::read_byte(successor_->ready.get())) return successor_failed("it ended");
  succeeded_ = true;
  log::info("upgraded", {{"pid", successor_->process}});
  enter_state(ServerState::kLeaving);
  for (Child& child : children_) {
    if (!child.is_worker && child.process != 0) tell(child, {.kind = MessageKind::kUnlisten});
  }
  successor_.reset();
  answer_all(MessageKind::kAskUpgrade, {});
  begin_drain(options_.drain_timeout);
}

void Master::successor_failed(std::string_view why) {
  os::kill_process(successor_->process);
  os::reap(successor_->process);
  log::error("upgrade_failed", {{"reason", why}, {"pid", successor_->process}});
  successor_.reset();
  answer_all(MessageKind::kAskUpgrade,
             std::array{fmt::format("the new server did not become ready: {}", why)});
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
    if (count < 0 || count > inheritance->fds.end() - next) return;
    std::vector<os::Fd> sockets(std::make_move_iterator(next),
                                std::make_move_iterator(next + count));
    next += count;
    inherit_line(kind, place, std::move(sockets));
  }
}

void Master::inherit_line(std::string_view kind, const std::string& what,
                          std::vector<os::Fd> sockets) {
  if (kind == "application") return options_.application->inherit(what);
  const auto address = Address::parse(what);
  if (!address) return;
  if (kind == "listen") {
    listeners_.inherit(*address, std::move(sockets));
  } else if (options_.admin == *address && sockets.size() == 1) {
    admin_ = std::move(sockets.front());
  }
}

}  // namespace ouro::host
