#include "sim/wire.h"

#include <algorithm>

namespace ouro::sim {

namespace {

constexpr std::uint64_t kNsPerByteMax = 5 * kMicrosecond;  // or a megabyte would take for ever

}  // namespace

Wire::Wire(World& world, std::uint32_t stream_)
    : stream(stream_),
      world_(world),
      latency_ns_(world.between(5 * kMicrosecond,
                                world.one_in(4) ? 20 * kMillisecond : 200 * kMicrosecond)),
      room_in_(draw_room()),
      room_out_(draw_room()) {}

Wire::Wire(World& world, std::uint32_t stream_, std::uint64_t latency_ns, std::uint64_t room)
    : stream(stream_), world_(world), latency_ns_(latency_ns), room_in_(room), room_out_(room) {}

std::uint64_t Wire::draw_room() {
  const std::uint64_t least = 1 + latency_ns_ / kNsPerByteMax;
  return world_.between(least, world_.one_in(3) ? least + 4'000 : 400'000);
}

std::uint64_t Wire::trip() { return latency_ns_ + world_.between(0, latency_ns_ / 4); }

void Wire::arrives_here(std::function<void()> what) {
  last_here_ns_ = std::max(last_here_ns_, world_.events.now() + trip());
  world_.events.at(last_here_ns_, [self = shared_from_this(), what = std::move(what)] {
    if (self->reset_arrived) return;
    if (self->closed_here && self->written > self->arrived) {  // bytes for nobody
      return self->arrives_there([wire = self.get()] { wire->reset_reached = true; });
    }
    if (self->closed_here) return;
    what();
    if (self->here) self->here();
  });
}

void Wire::arrives_there(std::function<void()> what) {
  last_there_ns_ = std::max(last_there_ns_, world_.events.now() + trip());
  world_.events.at(last_there_ns_, [self = shared_from_this(), what = std::move(what)] {
    if (self->over_there || self->reset_reached) return;
    what();
    if (self->there) self->there();
  });
}

std::uint64_t Wire::write(std::uint64_t count) {
  count = std::min(count, room_in_ - (written - taken));
  if (count == 0) return 0;
  written += count;
  arrives_here([this, count] { arrived += count; });
  return count;
}

void Wire::finish() {
  arrives_here([this] { end_arrived = true; });
}

// What had arrived is lost too, as it is with a real one.
void Wire::reset() {
  over_there = true;
  arrives_here([this] {
    reset_arrived = true;
    arrived = taken;
  });
}

void Wire::read(std::uint64_t count) {
  read_there += count;
  arrives_here([] {});  // the engine's side hears that there is room
}

void Wire::take(std::uint64_t count) {
  taken += count;
  arrives_there([] {});  // the peer may write again
}

void Wire::send(std::uint64_t count) {
  sent += count;
  arrives_there([this, count] { reached += count; });
}

void Wire::shut() {
  if (shut_here) return;
  shut_here = true;
  arrives_there([this] { end_reached = true; });
}

void Wire::break_down() {
  broken = reset_arrived = true;
  arrived = taken;
  arrives_there([this] { reset_reached = true; });
}

// Closing with bytes unread resets the connection, and so does closing before bytes come.
void Wire::close(bool with_reset) {
  if (with_reset || unread() > 0) {
    arrives_there([this] { reset_reached = true; });
  } else {
    shut();
  }
  closed_here = true;
  here = nullptr;
}

}  // namespace ouro::sim
