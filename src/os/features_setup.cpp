// Rings: the flags they are made with, what the engine needs of them, and what it likes to have.
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

#include "os/clock.h"
#include "os/features_trial.h"

namespace ouro::os::trial {
namespace {

struct SetupFlag {
  unsigned flag;
  const char* key;
};

// The ladder: each is tried on top of those before it that worked, since TASKRUN_FLAG needs
// COOP_TASKRUN or DEFER_TASKRUN, and DEFER_TASKRUN needs SINGLE_ISSUER.
constexpr auto kLadder = std::to_array<SetupFlag>({
    {IORING_SETUP_SUBMIT_ALL, "submit_all"},
    {IORING_SETUP_COOP_TASKRUN, "coop_taskrun"},
    {IORING_SETUP_TASKRUN_FLAG, "taskrun_flag"},
    {IORING_SETUP_SINGLE_ISSUER, "single_issuer"},
    {IORING_SETUP_DEFER_TASKRUN, "defer_taskrun"},
    {IORING_SETUP_NO_SQARRAY, "no_sqarray"},
});

// The flags that work together here. Stops at an error that says more than "unknown flag".
int climb(Report& report, unsigned& flags) {
  for (const SetupFlag& rung : kLadder) {
    TrialRing ring;
    const int error = ring.open(flags | rung.flag);
    if (error != 0 && error != -EINVAL) return error;
    report.result(rung.key, error);
    if (error == 0) flags |= rung.flag;
  }
  return 0;
}

// -ETIME from a wait on which nothing can happen, without a timeout request in the queue.
int try_timed_wait(TrialRing& ring) {
  if ((ring.raw().features & IORING_FEAT_EXT_ARG) == 0) return -EINVAL;
  __kernel_timespec soon{.tv_sec = 0, .tv_nsec = 1000};
  io_uring_cqe* completion = nullptr;
  const int error = ::io_uring_wait_cqes(&ring.raw(), &completion, 1, &soon, nullptr);
  return error == -ETIME || error == -EINTR ? 0 : error == 0 ? -EINVAL : error;
}

// A connection made by the ring alone; `refused` names the step that failed.
struct RingPair {
  Pair pair;
  const char* refused = nullptr;
  int error = 0;
};

RingPair connect_and_accept(TrialRing& ring) {
  RingPair made;
  const Fd listener = unix_listener();
  made.pair.near = unix_client();
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  if (::getsockname(listener.get(), generic, &size) != 0) return {Pair{}, "socket", -errno};
  io_uring_sqe* accept = ring.sqe();
  ::io_uring_prep_accept(accept, listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  const Request accepting = ring.start(accept);
  io_uring_sqe* connect = ring.sqe();
  ::io_uring_prep_connect(connect, made.pair.near.get(), generic, size);
  const Answer connected = ring.ask(connect);
  const Answer accepted = ring.answer(accepting);
  if (accepted.result >= 0) made.pair.far = Fd(accepted.result);
  if (connected.result < 0) return {Pair{}, "connect", connected.result};
  if (accepted.result < 0) return {Pair{}, "accept", accepted.result};
  return made;
}

struct Step {
  const char* name;
  int result;
};

// One byte from here to there, a poll that is cancelled, and a close.
Step send_receive_cancel_close(TrialRing& ring, Pair& pair) {
  io_uring_sqe* sqe = ring.sqe();
  ::io_uring_prep_send(sqe, pair.near.get(), "!", 1, MSG_NOSIGNAL);
  if (const Answer sent = ring.ask(sqe); sent.result != 1) return {"send", sent.result};
  if (const Answer received = ring.ask(receive(ring, pair.far.get())); received.result != 1) {
    return {"receive", received.result};
  }
  sqe = ring.sqe();
  ::io_uring_prep_poll_add(sqe, pair.far.get(), POLLIN);
  const Request polling = ring.start(sqe);
  sqe = ring.sqe();
  ::io_uring_prep_cancel64(sqe, polling, 0);
  if (const Answer cancelled = ring.ask(sqe); cancelled.result < 0) {
    return {"cancel", cancelled.result};
  }
  if (const Answer polled = ring.answer(polling); polled.result != -ECANCELED) {
    return {"poll", polled.result};
  }
  sqe = ring.sqe();
  ::io_uring_prep_close(sqe, pair.far.get());
  const Answer closed = ring.ask(sqe);
  if (closed.result < 0) return {"close", closed.result};
  static_cast<void>(pair.far.release());
  return {nullptr, 0};
}

Step try_operations(TrialRing& ring) {
  RingPair made = connect_and_accept(ring);
  if (made.refused != nullptr) return {made.refused, made.error};
  return send_receive_cancel_close(ring, made.pair);
}

// Says so in the line of what is missing and in that of the whole.
bool refuse(Report& report, const char* key, const char* call, int error) {
  report.result(key, error < 0 ? error : -EIO);
  report.refuse(explain_refusal(call, error < 0 ? -error : EIO, report.surroundings()));
  return false;
}

int try_no_iowait(TrialRing& ring) {
  constexpr unsigned kEnterNoIowait = 1u << 7;  // younger than the headers of liburing 2.9
  return ::io_uring_enter(static_cast<unsigned>(ring.raw().ring_fd), 0, 0,
                          IORING_ENTER_GETEVENTS | kEnterNoIowait, nullptr);
}

// Waits for two completions where one comes: it has to give up long before the time limit. Some
// kernels accept the call and then wait for both.
void try_min_wait(Report& report, TrialRing& ring) {
  constexpr unsigned kMinWaitUs = 100;
  constexpr long long kLimitNs = 20'000'000;
  io_uring_sqe* nop = ring.sqe();
  ::io_uring_prep_nop(nop);
  const Request request = ring.start(nop);
  __kernel_timespec limit{.tv_sec = 0, .tv_nsec = kLimitNs};
  io_uring_cqe* completion = nullptr;
  const std::uint64_t start_ns = now_ns();
  const int entered = ::io_uring_submit_and_wait_min_timeout(&ring.raw(), &completion, 2, &limit,
                                                             kMinWaitUs, nullptr);
  const std::uint64_t took_ns = now_ns() - start_ns;
  static_cast<void>(ring.answer(request));
  if (entered < 0 && entered != -ETIME) return report.result("min_wait", entered);
  if (took_ns < kLimitNs / 2) return report.works("min_wait");
  report.lacks("min_wait", "tried: it waits for all of them, whatever the first limit", "");
}

int try_napi(TrialRing& ring) {
  io_uring_napi settings{};
  settings.busy_poll_to = 1;
  const int error = ::io_uring_register_napi(&ring.raw(), &settings);
  if (error == 0) ::io_uring_unregister_napi(&ring.raw(), &settings);
  return error;
}

}  // namespace

int try_setup_flags(Report& report, TrialRing& ring) {
  unsigned flags = 0;
  for (const SetupFlag& rung : kLadder) flags |= rung.flag;
  if (const int error = ring.open(flags); error != -EINVAL) {
    if (error == 0) {
      for (const SetupFlag& rung : kLadder) report.works(rung.key);
    }
    return error;
  }
  flags = 0;
  if (const int error = climb(report, flags); error != 0) return error;
  return ring.open(flags);
}

bool try_essentials(Report& report, TrialRing& ring) {
  if (const int error = try_timed_wait(ring); error != 0) {
    return refuse(report, "timed_wait", "io_uring_enter", error);
  }
  report.works("timed_wait");
  const TrialBuffers buffers(ring, 2, 64);
  if (buffers.error() != 0) {
    return refuse(report, "buffer_rings", "io_uring_register", buffers.error());
  }
  report.works("buffer_rings");
  if (const Step failed = try_operations(ring); failed.name != nullptr) {
    return refuse(report, "operations", failed.name, failed.result);
  }
  report.works("operations");
  return true;
}

void try_ring_curiosities(Report& report, TrialRing& ring) {
  try_min_wait(report, ring);
  report.result("napi", try_napi(ring));
}

void try_ring_extras(Report& report, TrialRing& ring) {
  report.result("no_iowait", try_no_iowait(ring));
  // Last: from now on the ring is known by its registered number.
  const int registered = ::io_uring_register_ring_fd(&ring.raw());
  report.result("registered_ring", registered == 1 ? 0 : registered < 0 ? registered : -EINVAL);
}

void try_restrictions(Report& report, unsigned setup_flags) {
  TrialRing ring;
  int error = ring.open(setup_flags | IORING_SETUP_R_DISABLED, kSubmissions * 2);
  if (error == 0) {
    io_uring_restriction allow_nop{};
    allow_nop.opcode = IORING_RESTRICTION_SQE_OP;
    allow_nop.sqe_op = IORING_OP_NOP;
    error = ::io_uring_register_restrictions(&ring.raw(), &allow_nop, 1);
  }
  if (error == 0) error = ::io_uring_enable_rings(&ring.raw());
  if (error != 0) return report.result("restrictions", error);
  io_uring_sqe* sqe = ring.sqe();
  ::io_uring_prep_nop(sqe);
  const Answer allowed = ring.ask(sqe);
  sqe = ring.sqe();
  ::io_uring_prep_poll_add(sqe, -1, POLLIN);
  const Answer forbidden = ring.ask(sqe);
  if (allowed.result == 0 && forbidden.result == -EACCES) return report.works("restrictions");
  report.lacks("restrictions",
               "tried: an allowed operation gave " + std::to_string(allowed.result) +
                   " and a forbidden one " + std::to_string(forbidden.result),
               "");
}

void try_submission_thread(Report& report) {
  TrialRing ring;
  int error = ring.open(IORING_SETUP_SQPOLL | IORING_SETUP_SUBMIT_ALL, kSubmissions * 2);
  if (error == 0) {
    io_uring_sqe* nop = ring.sqe();
    ::io_uring_prep_nop(nop);
    error = ring.ask(nop).result;
  }
  report.result("sqpoll", error);
}

}  // namespace ouro::os::trial
