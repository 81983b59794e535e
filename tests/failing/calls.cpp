#include "failing/calls.h"

#include <liburing.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

namespace ouro::test::failing {
namespace {

// One kind of call, and the ways in which the kernel may refuse it without having done anything.
struct Kind {
  const char* name;
  std::vector<int> errors;
};

const Kind kAccept{"accept", {ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINTR, EPERM, EPROTO}};
const Kind kReceive{"receive",
                    {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOBUFS, ENOMEM, EINTR, ECANCELED, EIO}};
const Kind kSend{"send", {ECONNRESET, EPIPE, ETIMEDOUT, ENETUNREACH, ENOBUFS, ENOMEM, EINTR, EIO}};
const Kind kPoll{"poll", {ENOMEM, ECANCELED}};
const Kind kWatch{"epoll_ctl", {ENOMEM, ENOSPC}};

std::mutex mutex;
bool armed = false;
std::thread::id who_armed;  // the test's own calls go through; the worker has another thread
std::uint64_t wanted_call = 0;
std::uint64_t wanted_way = 0;
std::uint64_t seen = 0;
Report report;

// The errno this call is to fail with; 0: it goes through.
int failure_of(const Kind& kind) {
  const std::lock_guard lock(mutex);
  if (!armed || std::this_thread::get_id() == who_armed) return 0;
  if (seen++ != wanted_call) return 0;
  report.call = kind.name;
  report.has_way = wanted_way < kind.errors.size();
  report.error = report.has_way ? kind.errors[wanted_way] : 0;
  return report.error;
}

const Kind* kind_of(std::uint8_t opcode) {
  switch (opcode) {
    case IORING_OP_ACCEPT:
      return &kAccept;
    case IORING_OP_RECV:
    case IORING_OP_RECVMSG:
    case IORING_OP_READ:
    case IORING_OP_READV:
      return &kReceive;
    case IORING_OP_SEND:
    case IORING_OP_SENDMSG:
    case IORING_OP_WRITE:
    case IORING_OP_WRITEV:
      return &kSend;
    case IORING_OP_POLL_ADD:
      return &kPoll;
    default:
      return nullptr;  // closing and cancelling do what they do, whatever they say
  }
}

// What is prepared becomes an operation that does nothing but fail.
void fail_prepared(io_uring* ring) {
  constexpr unsigned kInjectResult = 1;  // IORING_NOP_INJECT_RESULT, Linux 6.10
  for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; ++i) {
    io_uring_sqe& sqe = ring->sq.sqes[i & ring->sq.ring_mask];
    const Kind* kind = kind_of(sqe.opcode);
    const int error = kind != nullptr ? failure_of(*kind) : 0;
    if (error == 0) continue;
    const std::uint64_t name = sqe.user_data;
    sqe = {};
    sqe.opcode = IORING_OP_NOP;
    sqe.fd = -1;
    sqe.len = static_cast<unsigned>(-error);
    sqe.rw_flags = static_cast<int>(kInjectResult);
    sqe.user_data = name;
  }
}

bool fails(const Kind& kind) {
  const int error = failure_of(kind);
  if (error != 0) errno = error;
  return error != 0;
}

}  // namespace

void arm(std::uint64_t call, std::uint64_t way) {
  const std::lock_guard lock(mutex);
  armed = true;
  who_armed = std::this_thread::get_id();
  wanted_call = call;
  wanted_way = way;
  seen = 0;
  report = {};
}

Report disarm() {
  const std::lock_guard lock(mutex);
  armed = false;
  return report;
}

}  // namespace ouro::test::failing

// What the linker puts in the place of each call, and the call itself.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
#define OURO_CATCH(result, name, parameters, arguments, refused, failed) \
  extern "C" result __real_##name parameters;                            \
  extern "C" result __wrap_##name parameters;                            \
  extern "C" result __wrap_##name parameters {                           \
    using namespace ouro::test::failing;                                 \
    refused;                                                             \
    return failed __real_##name arguments;                               \
  }

#define OURO_CATCH_CALL(result, name, kind, parameters, arguments) \
  OURO_CATCH(result, name, parameters, arguments, , fails(kind) ? result{-1} :)
#define OURO_CATCH_SUBMISSION(name, parameters, arguments) \
  OURO_CATCH(int, name, parameters, arguments, fail_prepared(ring), )

OURO_CATCH_CALL(int, accept4, kAccept, (int fd, sockaddr* name, socklen_t* size, int flags),
                (fd, name, size, flags))
OURO_CATCH_CALL(ssize_t, recv, kReceive, (int fd, void* into, size_t size, int flags),
                (fd, into, size, flags))
OURO_CATCH_CALL(ssize_t, send, kSend, (int fd, const void* from, size_t size, int flags),
                (fd, from, size, flags))
OURO_CATCH_CALL(ssize_t, sendmsg, kSend, (int fd, const msghdr* message, int flags),
                (fd, message, flags))
// Only adding takes memory, and a place under the user's limit.
OURO_CATCH(int, epoll_ctl, (int epoll, int how, int fd, epoll_event* event),
           (epoll, how, fd, event), , how == EPOLL_CTL_ADD && fails(kWatch) ? -1 :)
OURO_CATCH_SUBMISSION(io_uring_submit, (io_uring * ring), (ring))
OURO_CATCH_SUBMISSION(io_uring_submit_and_wait, (io_uring * ring, unsigned count), (ring, count))
OURO_CATCH_SUBMISSION(io_uring_submit_and_get_events, (io_uring * ring), (ring))
OURO_CATCH_SUBMISSION(io_uring_submit_and_wait_timeout,
                      (io_uring * ring, io_uring_cqe** first, unsigned count,
                       __kernel_timespec* limit, sigset_t* mask),
                      (ring, first, count, limit, mask))
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
