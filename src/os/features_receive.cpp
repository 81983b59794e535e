// How receives behave: the kernels differ here more than anywhere.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "os/features_trial.h"

namespace ouro::os::trial {
namespace {

constexpr unsigned kBufferBytes = 32;
constexpr unsigned kBufferCount = 256;
using Payload = std::array<char, std::size_t{kBufferBytes} * kBufferCount>;

// A pair with so many bytes on their way to its far end.
Pair filled_pair(std::size_t bytes) {
  static constexpr Payload kPayload{};
  Pair pair = unix_pair();
  if (!pair.valid()) return pair;
  const ssize_t sent = ::send(pair.near.get(), kPayload.data(), bytes, MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes)) return {};
  return pair;
}

// Every byte that is there, one buffer after the other, and still armed.
void try_multishot(Report& report, TrialRing& ring) {
  const TrialBuffers buffers(ring, 4, kBufferBytes);
  const Pair pair = filled_pair(2 * std::size_t{kBufferBytes});
  if (buffers.error() != 0 || !pair.valid()) return;
  const Request request = ring.start(receive_multishot(ring, pair.far.get(), 0));
  const Answer first = ring.answer(request);
  if (first.result < 0) return report.result("multishot_receive", first.result);
  const Answer second = first.more() ? ring.answer(request) : Answer{-EINVAL, 0};
  const bool goes_on = second.result == static_cast<int>(kBufferBytes) && second.more();
  report.result("multishot_receive", goes_on ? 0 : -EINVAL);
}

// The limit lies inside the third of eight buffers: it has to end there, and not before.
void try_limit(Report& report, TrialRing& ring) {
  constexpr unsigned kLimit = 2 * kBufferBytes + 1;
  const TrialBuffers buffers(ring, 8, kBufferBytes);
  const Pair pair = filled_pair(8 * std::size_t{kBufferBytes});
  if (buffers.error() != 0 || !pair.valid()) return;
  const Request request = ring.start(receive_multishot(ring, pair.far.get(), kLimit));
  const std::vector<Answer> answers = ring.until_end(request);
  if (answers.front().result < 0) return report.result("receive_limit", answers.front().result);
  int taken = 0;
  for (const Answer& answer : answers) taken += std::max(answer.result, 0);
  if (taken == 3 * static_cast<int>(kBufferBytes)) {
    return report.works("receive_limit", "works; ends within one buffer of the limit");
  }
  report.lacks(
      "receive_limit",
      "tried: " + std::to_string(kLimit) + " bytes allowed, " + std::to_string(taken) + " taken",
      "");
}

// Far more pieces than one turn should take from one socket.
void try_bound(Report& report, TrialRing& ring) {
  const TrialBuffers buffers(ring, kBufferCount, kBufferBytes);
  const Pair pair = filled_pair(Payload{}.size());
  if (buffers.error() != 0 || !pair.valid()) return;
  const Request request = ring.start(receive_multishot(ring, pair.far.get(), 0));
  if (const int entered = ring.turn(); entered != 0) {
    return report.result("receive_bounded", entered);
  }
  const std::size_t taken = ring.collected(request);
  const std::string why = "one turn took " + std::to_string(taken) + " of " +
                          std::to_string(kBufferCount) + " pieces that were there";
  // Where it is bounded it ends after a hundred or so; where it is not, a few may still be lacking.
  if (taken < kBufferCount / 2) return report.works("receive_bounded", why);
  report.lacks("receive_bounded", why, "Linux 6.8 or later bounds it");
}

void try_poll_first(Report& report, TrialRing& ring) {
  const TrialBuffers buffers(ring, 2, kBufferBytes);
  const Pair pair = filled_pair(1);
  if (buffers.error() != 0 || !pair.valid()) return;
  io_uring_sqe* sqe = receive(ring, pair.far.get());
  sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  const Answer answer = ring.ask(sqe);
  report.result("poll_first", answer.result == 0 ? -EINVAL : answer.result);
}

// The peer has gone and the only buffer is taken: 0, or ENOBUFS until there is a buffer?
void try_end(Report& report, TrialRing& ring) {
  const TrialBuffers buffers(ring, 1, kBufferBytes);
  Pair pair = filled_pair(1);
  if (buffers.error() != 0 || !pair.valid()) return;
  if (ring.ask(receive(ring, pair.far.get())).result != 1) return;
  pair.near.reset();
  const Answer end = ring.ask(receive(ring, pair.far.get()));
  report.features().empty_ring_hides_end = end.result == -ENOBUFS;
  if (end.result == 0) return report.works("end_without_buffer");
  report.lacks("end_without_buffer",
               "tried: " + errno_name(-end.result) + ", so the end shows when a buffer is free",
               "");
}

void try_bundles(Report& report, TrialRing& ring) {
  const bool known = (ring.raw().features & IORING_FEAT_RECVSEND_BUNDLE) != 0;
  report.result("receive_bundles", known ? 0 : -EINVAL,
                "the kernel says so; not used: 6.13.11 to 6.14.8 mix up bytes");
}

}  // namespace

void try_receiving(Report& report, TrialRing& ring) {
  try_multishot(report, ring);
  if (report.features().multishot_receive) {
    try_limit(report, ring);
    try_bound(report, ring);
  }
  try_poll_first(report, ring);
  try_end(report, ring);
  try_bundles(report, ring);
}

}  // namespace ouro::os::trial
