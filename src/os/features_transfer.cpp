// The other forms of accepting and sending.
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "os/features_trial.h"

namespace ouro::os::trial {
namespace {

void close_accepted(const std::vector<Answer>& answers) {
  for (const Answer& answer : answers) {
    if (answer.result >= 0) Fd(answer.result).reset();
  }
}

// Two clients in the queue, one accept for both.
void try_multishot_accept(Report& report, TrialRing& ring, const Fd& listener) {
  const Fd first = unix_client();
  const Fd second = unix_client();
  if (!connect_to(first, listener) || !connect_to(second, listener)) return;
  io_uring_sqe* sqe = ring.sqe();
  ::io_uring_prep_multishot_accept(sqe, listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
  const Request request = ring.start(sqe);
  std::vector<Answer> answers{ring.answer(request)};
  if (answers.back().more()) answers.push_back(ring.answer(request));
  ring.cancel_all();
  while (ring.collected(request) > 0) answers.push_back(ring.answer(request));
  close_accepted(answers);
  const bool both = answers.size() >= 2 && answers[1].result >= 0;
  report.result("multishot_accept", both ? 0 : std::min(answers[0].result, -1));
}

// Closes the accepted file: true if its peer sees that when the call returns, or soon after.
bool closes_at_once(TrialRing& ring, unsigned slot, const Fd& peer) {
  constexpr int kSoonMs = 10;
  io_uring_sqe* sqe = ring.sqe();
  ::io_uring_prep_close_direct(sqe, slot);
  if (ring.ask(sqe).result < 0) return false;
  pollfd end{.fd = peer.get(), .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, kSoonMs) == 1;
}

// Into a slot of the kernel's choice in a table of two. Before 6.4, the kernel gathers closed files
// for a second; every peer would get its FIN so late.
void try_direct_accept(Report& report, TrialRing& ring, const Fd& listener) {
  const Fd client = unix_client();
  if (!connect_to(client, listener)) return;
  int result = ::io_uring_register_files_sparse(&ring.raw(), 2);
  bool at_once = true;
  if (result == 0) {
    io_uring_sqe* sqe = ring.sqe();
    ::io_uring_prep_accept_direct(sqe, listener.get(), nullptr, nullptr, 0,
                                  IORING_FILE_INDEX_ALLOC);
    result = ring.ask(sqe).result;
    if (result >= 0) at_once = closes_at_once(ring, static_cast<unsigned>(result), client);
    ::io_uring_unregister_files(&ring.raw());
  }
  report.result("direct_accept", result);
  if (!at_once) {
    report.lacks("direct_accept", "files accepted so are closed late, by up to a second",
                 "Linux 6.4 or later closes them at once");
  }
}

struct ZeroCopyAnswers {
  Answer sent;
  Answer notified;
};

ZeroCopyAnswers send_zero_copy(TrialRing& ring, const Pair& pair, unsigned flags) {
  static constexpr std::array<char, 4096> kPayload{};
  std::array<char, kPayload.size()> received;
  io_uring_sqe* sqe = ring.sqe();
  ::io_uring_prep_send_zc(sqe, pair.near.get(), kPayload.data(), kPayload.size(), MSG_NOSIGNAL,
                          flags);
  const Request request = ring.start(sqe);
  ZeroCopyAnswers answers{ring.answer(request), {}};
  // Zero-copy memory is given back when the peer has taken the bytes.
  static_cast<void>(::recv(pair.far.get(), received.data(), received.size(), 0));
  answers.notified = answers.sent.more() ? ring.answer(request) : Answer{-EINVAL, 0};
  return answers;
}

void try_zero_copy(Report& report, TrialRing& ring) {
  const Pair pair = tcp_pair();
  if (!pair.valid()) {
    report.lacks("send_zero_copy", "not tried: no TCP connection over the loopback interface", "");
    return;
  }
  const ZeroCopyAnswers plain = send_zero_copy(ring, pair, 0);
  const bool notified = (plain.notified.flags & IORING_CQE_F_NOTIF) != 0;
  report.result("send_zero_copy", plain.sent.result < 0 ? plain.sent.result
                                  : notified            ? 0
                                                        : -EINVAL);
  if (!report.features().send_zero_copy) return;
  const ZeroCopyAnswers reporting = send_zero_copy(ring, pair, IORING_SEND_ZC_REPORT_USAGE);
  const bool copied =
      (static_cast<unsigned>(reporting.notified.result) & IORING_NOTIF_USAGE_ZC_COPIED) != 0;
  report.result("zero_copy_report", reporting.sent.result,
                copied ? "works; copied here, as always over loopback" : "works");
}

void try_registered_buffers(Report& report, TrialRing& ring) {
  const Surroundings& around = report.surroundings();
  std::vector<char> memory(4096);
  const iovec buffer{.iov_base = memory.data(), .iov_len = memory.size()};
  const int error = ::io_uring_register_buffers(&ring.raw(), &buffer, 1);
  if (error == 0) ::io_uring_unregister_buffers(&ring.raw());
  report.result("registered_buffers", error,
                around.locks_memory
                    ? "works; not counted as locked memory, thanks to CAP_IPC_LOCK"
                    : "works; rings and buffers of all processes of the user share " +
                          limit_text(around.memlock_bytes) + " of locked memory");
}

}  // namespace

void try_accepting(Report& report, TrialRing& ring) {
  const Fd listener = unix_listener();
  if (!listener.valid()) return;
  try_multishot_accept(report, ring, listener);
  try_direct_accept(report, ring, listener);
}

void try_sending(Report& report, TrialRing& ring) {
  try_zero_copy(report, ring);
  try_registered_buffers(report, ring);
}

}  // namespace ouro::os::trial
