#include "exchange.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace ouro::test {

struct Exchange::Stream {
  TestClient client;
  StreamPlan plan;
  Random random;
  PatternChecker checker;
  std::uint64_t written = 0;
  bool full = false;  // the kernel takes no more
  bool finished = false;
  unsigned interest = 0;  // what epoll was told; 0 when not registered

  Stream(TestClient given, const StreamPlan& given_plan)
      : client(std::move(given)),
        plan(given_plan),
        random(given_plan.stream * 2 + 1),
        checker(given_plan.stream) {}

  [[nodiscard]] bool may_write() const {
    return written < plan.bytes && written - checker.received() < plan.in_flight_max;
  }
  [[nodiscard]] bool wants_read() const {
    if (plan.reading == Reading::kNever) return false;
    return plan.reading == Reading::kEager || full || !may_write();
  }
  [[nodiscard]] std::string state() const {
    return "stream " + std::to_string(plan.stream) + " (" + std::to_string(written) + " of " +
           std::to_string(plan.bytes) + " bytes written, " + std::to_string(checker.received()) +
           " back)";
  }
};

Exchange::Exchange() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {}

Exchange::~Exchange() { ::close(epoll_fd_); }

void Exchange::add(TestClient client, const StreamPlan& plan) {
  streams_.push_back(std::make_unique<Stream>(std::move(client), plan));
  Stream& stream = *streams_.back();
  if (plan.reading != Reading::kNever) ++unfinished_;
  scratch_.resize(std::max({scratch_.size(), plan.write_max, plan.read_max}));
  if (plan.bytes == 0) all_written(stream);
  if (!stream.finished) update_interest(stream);
}

void Exchange::run() {
  const auto ceiling_ms = static_cast<int>(std::chrono::milliseconds(kCeiling).count());
  while (unfinished_ > 0) {
    if (!wait(ceiling_ms)) give_up();
  }
}

void Exchange::run_until_still() {
  constexpr int kStillMs = 200;
  while (wait(kStillMs)) {
  }
}

TestClient& Exchange::client(std::size_t index) { return streams_.at(index)->client; }

bool Exchange::wait(int timeout_ms) {
  // When nobody can move for a moment, every buffer on the way is full.
  constexpr int kMomentMs = 5;
  std::array<epoll_event, 256> events;
  int count = epoll_wait(epoll_fd_, events.data(), events.size(), kMomentMs);
  if (count == 0) {
    all_full();
    count = epoll_wait(epoll_fd_, events.data(), events.size(), timeout_ms);
  }
  for (int i = 0; i < count; ++i) {
    const auto& event = events.at(static_cast<std::size_t>(i));
    pump(*static_cast<Stream*>(event.data.ptr), event.events);
  }
  return count != 0;
}

void Exchange::all_full() {
  for (const auto& stream : streams_) {
    if (stream->finished || stream->plan.reading != Reading::kWhenFull) continue;
    stream->full = true;
    update_interest(*stream);
  }
}

void Exchange::pump(Stream& stream, unsigned events) {
  try {
    if ((events & EPOLLERR) != 0) return broken(stream);
    if ((events & EPOLLOUT) != 0 && stream.may_write()) write_some(stream);
    const bool readable = (events & (EPOLLIN | EPOLLHUP)) != 0;
    if (readable && !stream.finished && stream.wants_read()) read_some(stream);
  } catch (const ClientError& error) {
    throw ClientError(stream.state() + ": " + error.what());
  }
  if (!stream.finished) update_interest(stream);
}

// Who never reads may be cut by the server; for everyone else it is a failure.
void Exchange::broken(Stream& stream) {
  if (stream.plan.reading != Reading::kNever) throw ClientError("the server reset the connection");
  settle(stream);
}

void Exchange::write_some(Stream& stream) {
  const StreamPlan& plan = stream.plan;
  const std::uint64_t in_flight = stream.written - stream.checker.received();
  const std::uint64_t room = std::min(plan.bytes - stream.written, plan.in_flight_max - in_flight);
  const std::size_t size = std::min<std::uint64_t>(room, stream.random.size_to(plan.write_max));
  const auto bytes = std::span(scratch_).first(size);
  fill_pattern(plan.stream, stream.written, bytes);
  const std::size_t taken = stream.client.try_send(bytes);
  stream.full = taken < size;
  stream.written += taken;
  bytes_written_ += taken;
  if (stream.written == plan.bytes) all_written(stream);
}

void Exchange::read_some(Stream& stream) {
  const auto into = std::span(scratch_).first(stream.random.size_to(stream.plan.read_max));
  const auto count = stream.client.try_receive(into);
  if (!count) return;
  if (*count == 0) return peer_ended(stream);
  stream.checker.take(into.first(*count));
  bytes_checked_ += *count;
  if (!stream.checker.mistake().empty()) throw ClientError(stream.checker.mistake());
  if (stream.checker.received() > stream.written) throw ClientError("more came back than was sent");
  const bool ends_here =
      stream.plan.finish == Finish::kClose || stream.plan.finish == Finish::kKeep;
  if (ends_here && stream.checker.received() == stream.plan.bytes) settle(stream);
}

void Exchange::all_written(Stream& stream) {
  if (stream.plan.finish == Finish::kReset) {
    stream.client.reset();
    stream.interest = 0;
    settle(stream);
  } else if (stream.plan.finish == Finish::kHalfClose) {
    stream.client.half_close();
  } else if (stream.plan.bytes == 0) {
    settle(stream);
  }
}

void Exchange::peer_ended(Stream& stream) {
  if (stream.plan.finish != Finish::kHalfClose) throw ClientError("the server ended first");
  if (stream.checker.received() != stream.plan.bytes) throw ClientError("the end came too early");
  settle(stream);
}

void Exchange::settle(Stream& stream) {
  if (stream.plan.reading != Reading::kNever) --unfinished_;
  stream.finished = true;
  if (stream.interest != 0) epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, stream.client.fd(), nullptr);
  stream.interest = 0;
  if (stream.plan.finish != Finish::kKeep) stream.client.close();
}

void Exchange::update_interest(Stream& stream) {
  const unsigned wanted = (stream.may_write() ? unsigned{EPOLLOUT} : 0U) |
                          (stream.wants_read() ? unsigned{EPOLLIN} : 0U);
  if (wanted == stream.interest) return;
  epoll_event event{.events = wanted, .data = {.ptr = &stream}};
  const int operation = stream.interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (wanted == 0) {
    epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, stream.client.fd(), nullptr);
  } else if (epoll_ctl(epoll_fd_, operation, stream.client.fd(), &event) != 0) {
    throw ClientError("cannot watch a client: " + std::to_string(errno));
  }
  stream.interest = wanted;
}

void Exchange::give_up() const {
  for (const auto& stream : streams_) {
    const bool counts = stream->plan.reading != Reading::kNever;
    if (counts && !stream->finished) throw ClientError("standstill: " + stream->state());
  }
  throw ClientError("standstill");
}

void run_stream(const Address& to, const StreamPlan& plan, const TestClient::Options& options) {
  Exchange exchange;
  exchange.add(TestClient::connect(to, options), plan);
  exchange.run();
}

}  // namespace ouro::test
