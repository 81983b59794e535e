#include "sim/programs.h"

#include <algorithm>

#include "sim/stream_bytes.h"

namespace ouro::sim {

struct MoodyEcho::State {
  State(MoodyEcho& echo_, Connection& connection_)
      : connection(connection_),
        timer(connection_.worker(), [this, &echo_] { echo_.now(*this); }) {}

  Connection& connection;
  Timer timer;
  std::vector<Buffer> held;
  bool ended = false;
};

MoodyEcho::MoodyEcho(World& world) : world_(world), moody_(world.one_in(2)) {}
MoodyEcho::~MoodyEcho() = default;

void MoodyEcho::opened(Connection& connection) {
  auto state = std::make_unique<State>(*this, connection);
  connection.user = state.get();
  states_.insert(std::move(state));
  if (moody_ && world_.one_in(8)) {
    connection.pause();
    later(*static_cast<State*>(connection.user));
  }
}

void MoodyEcho::data(Connection& connection, Buffer buffer) {
  State& state = *static_cast<State*>(connection.user);
  if (!moody_) return connection.send(std::move(buffer));
  if (!state.held.empty() || world_.one_in(10)) {  // what is held goes first
    state.held.push_back(std::move(buffer));
    if (state.held.size() < 3) return later(state);
    return now(state);
  }
  if (world_.one_in(6)) return connection.send(buffer.bytes());
  connection.send(std::move(buffer));
  if (!world_.one_in(10)) return;
  connection.pause();
  later(state);
}

void MoodyEcho::later(State& state) {
  if (!state.timer.running()) {
    state.timer.start(std::chrono::nanoseconds(world_.between(0, 20 * kMillisecond)));
  }
}

void MoodyEcho::now(State& state) {
  for (Buffer& buffer : state.held) state.connection.send(std::move(buffer));
  state.held.clear();
  state.connection.resume();
  if (state.ended) state.connection.close();
}

void MoodyEcho::ended(Connection& connection) {
  State& state = *static_cast<State*>(connection.user);
  state.ended = true;
  if (state.held.empty()) connection.close();
}

void MoodyEcho::closed(Connection& connection, Errc) {
  const auto mine = [&](const auto& state) { return state.get() == connection.user; };
  if (std::erase_if(states_, mine) != 1) world_.fail("a connection was closed twice");
}

Asker::Asker(World& world, std::uint16_t stream_, std::uint64_t bytes)
    : stream(stream_),
      world_(world),
      bytes_(bytes),
      ends_(static_cast<Ends>(world.one_in(3) ? world.between(1, 2) : 0)),
      gives_up_at_(ends_ == Ends::kWhenAnswered ? bytes + 1 : world.between(0, bytes)) {}

void Asker::start(Worker& worker) {
  const Address address = Address::parse("192.0.2.1:1")->with_port(stream);
  ConnectOptions options;
  options.timeout = std::chrono::milliseconds(world_.between(1, 500));
  const auto connection = worker.connect(address, *this, options);
  over_ = !connection;
  if (connection && world_.one_in(20)) (*connection)->close();
}

void Asker::opened(Connection& connection) {
  connected_ = true;
  send_more(connection);
}

void Asker::send_more(Connection& connection) {
  constexpr std::uint64_t kAheadMax = 200'000;
  std::vector<std::byte> bytes;
  while (sent_ < bytes_ && sent_ - received_ < kAheadMax) {
    bytes.resize(std::min(bytes_ - sent_, world_.between(1, 70'000)));
    stream_bytes(stream, sent_, bytes);
    connection.send(bytes);
    sent_ += bytes.size();
  }
  if (received_ == bytes_) connection.close();
}

void Asker::data(Connection& connection, Buffer buffer) {
  if (!stream_matches(stream, received_, buffer.bytes())) {
    world_.fail("stream " + std::to_string(stream) + ": received wrong bytes");
  }
  received_ += buffer.size();
  if (received_ > sent_) world_.fail("more came back than was sent");
  if (received_ >= gives_up_at_) {
    gave_up_ = true;
    return ends_ == Ends::kCuts ? connection.abort() : connection.close();
  }
  send_more(connection);
}

void Asker::closed(Connection&, Errc reason) {
  if (over_) world_.fail("a connection was closed twice");
  over_ = true;
  reason_ = reason;
}

std::string Asker::complaint() const {
  if (!connected_ || gave_up_) return {};
  if (received_ == bytes_ && reason_ == Errc::kNone) return {};
  return "stream " + std::to_string(stream) + ": asked for " + std::to_string(bytes_) + ", got " +
         std::to_string(received_) + ", then: " + to_string(reason_);
}

Watcher::Watcher(World& world, Worker& worker, int first_fd, std::function<bool(int)> readable)
    : world_(world),
      worker_(worker),
      readable_(std::move(readable)),
      watches_(world.between(1, 4)),
      timer_(worker, [this] { change(); }),
      next_fd_(first_fd),
      changes_left_(100) {
  for (std::size_t place = 0; place < watches_.size(); ++place) watch(place);
  change();
}

// The new one often gets the place of the old one.
void Watcher::watch(std::size_t place) {
  const int fd = next_fd_++;
  watches_[place].reset();
  watches_[place] = std::make_unique<Watch>(worker_, fd, [this, fd] {
    if (!readable_(fd)) world_.fail("a watch was called whose descriptor is not readable");
    if (world_.one_in(3)) watch(world_.random.next() % watches_.size());
  });
}

void Watcher::change() {
  if (--changes_left_ < 0) return watches_.clear();
  watch(world_.random.next() % watches_.size());
  timer_.start(std::chrono::nanoseconds(world_.between(0, 10 * kMillisecond)));
}

}  // namespace ouro::sim
