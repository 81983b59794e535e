// What the master and a child say to each other, over a socketpair of their own. Nobody waits: a
// message that does not fit is not sent, and the master's next look makes up for it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"

namespace ouro::host {

enum class MessageKind : std::uint32_t {
  // The master says:
  kStart,     // number: 1 if the engine is io_uring; listen now
  kPing,      // make a turn, so that I see you move
  kAdopt,     // fds: listeners of worker `number` (text: their numbers), then its inbox to read
  kRelease,   // worker `number` looks after its sockets itself again
  kWake,      // a place under the limit is free
  kPlan,      // fds: one, to read `number` bytes from: what the application is to do now
  kListen,    // fds: new listeners of yours (text: their numbers)
  kUnlisten,  // text: the numbers of listeners that are no more
  kFiles,     // fds: what the attendant writes to from now on
  kCommit,    // number: of the reload that is complete with this
  kDrain,     // number: milliseconds until what is left is cut; the attendant is told last
  kAnswer,    // number: of the attendant's question; text: "done", "refused" or "status", then
              // the size of the answer; fds: one, to read it from
  // A child says:
  kMade,      // number: 1 if the engine is io_uring; text: why it is not
  kReady,     // it serves; text: what of the sandbox could not be had
  kReloaded,  // number: of the reload that is in force here
  kDrained,   // number: connections it had to cut; it ends now
  kFailed,    // text: why it cannot start; it ends now
  // The attendant asks; number: of the question, by which it is answered:
  kAskStatus,   // how is it?
  kAskReload,   // read anew what there is to do; answered when that is in force, or refused
  kAskUpgrade,  // let another run of the program take over; answered when it has
  kAskDrain,    // drain; answered when that has begun
};

struct Message {
  MessageKind kind{};
  std::uint64_t number = 0;
  std::string text{};      // cut at kTextMax
  std::vector<int> fds{};  // lent; the receiver gets copies
};

inline constexpr std::size_t kTextMax = 480;

// False: the other side's queue is full, or it has gone.
bool send_control(int socket, const Message& message) noexcept;

struct ReceivedMessage {
  MessageKind kind{};
  std::uint64_t number = 0;
  std::string text;
  std::vector<os::Fd> fds;
};

// Nothing: no message is there; `gone` says whether the other side has died.
[[nodiscard]] std::optional<ReceivedMessage> receive_control(int socket, bool& gone);

}  // namespace ouro::host
