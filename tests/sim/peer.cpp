#include "sim/peer.h"

#include <algorithm>
#include <cstdio>

namespace ouro::sim {

Script Script::draw(World& world) {
  Script script;
  Faults& faults = world.faults;
  script.bytes = world.one_in(4) ? world.between(200'000, 400'000) : world.between(0, 60'000);
  if (faults.strikes(Fault::slow_writer, 3)) {
    script.piece = world.between(1, 5'000);
    script.pause_ns = world.between(0, 2 * kMillisecond);
    script.bytes = std::min(script.bytes, script.piece * 200);
  }
  if (faults.strikes(Fault::silent, 3)) {
    script.silent_ns = world.between(0, 3 * kSecond);
    if (world.one_in(3)) script.bytes = 0;
  }
  if (faults.strikes(Fault::slow_reader, 3)) {
    script.reads = static_cast<Reads>(world.between(1, 3));
    script.change_ns = world.between(0, 2 * kSecond);
    if (script.reads == Reads::kNever) script.ends = Ends::kReset;
  } else if (faults.strikes(Fault::half_close, 2)) {
    script.ends = Ends::kHalfClose;
  } else if (faults.strikes(Fault::reset, 4)) {
    script.ends = Ends::kReset;
    script.change_ns = world.between(0, world.one_in(3) ? kSecond : 20 * kMillisecond);
  }
  return script;
}

Peer::Peer(World& world, std::shared_ptr<Wire> wire_, const Script& script_)
    : script(script_), wire(std::move(wire_)), world_(world) {}

Peer::~Peer() { wire->there = nullptr; }

void Peer::begin() {
  begun_ns_ = world_.events.now();
  write_again_ns_ = begun_ns_ + script.silent_ns;
  wire->there = [this] { step(); };
  wake_after(0);
  for (const std::uint64_t ns : {script.silent_ns, script.change_ns}) {
    if (ns > 0) world_.events.after(ns, [this] { step(); });
  }
}

// One wake-up is enough: the earliest.
void Peer::wake_after(std::uint64_t ns) {
  const std::uint64_t when = world_.events.now() + ns;
  if (when >= wake_ns_) return;
  wake_ns_ = when;
  world_.events.at(when, [this, when] {
    if (wake_ns_ == when) wake_ns_ = ~std::uint64_t{0};
    step();
  });
}

void Peer::step() {
  if (over_) return;
  if (wire->reset_reached) {
    // What came before it can still be read.
    if (script.reads != Script::Reads::kNever) wire->read(wire->to_read_there());
    over_ = was_reset_ = true;
    return;
  }
  const bool changed = world_.events.now() >= begun_ns_ + script.change_ns;
  if (script.ends == Script::Ends::kReset && changed) {
    over_ = true;
    return wire->reset();
  }
  read();
  write();
  end();
}

void Peer::read() {
  std::uint64_t count = wire->to_read_there();
  const std::uint64_t now = world_.events.now();
  if (count == 0 || script.reads == Script::Reads::kNever) return;
  if (script.reads == Script::Reads::kLate && now < begun_ns_ + script.change_ns) return;
  if (script.reads == Script::Reads::kDrips) {
    if (now < read_again_ns_) return wake_after(read_again_ns_ - now);
    count = std::min(count, world_.between(1, 20'000));
    read_again_ns_ = now + world_.between(0, 5 * kMillisecond);
    wake_after(read_again_ns_ - now);
  }
  wire->read(count);
}

void Peer::write() {
  const std::uint64_t most = script.echoes ? wire->read_there : script.bytes;
  const std::uint64_t now = world_.events.now();
  if (ended_ || wire->written >= most) return;
  if (now < write_again_ns_) return wake_after(write_again_ns_ - now);
  const std::uint64_t count = std::min(most - wire->written, world_.between(1, script.piece));
  if (wire->write(count) == 0) return;  // it will hear when there is room
  write_again_ns_ = now + script.pause_ns;
  if (wire->written < most) wake_after(script.pause_ns);
}

void Peer::end() {
  const bool all_written = !script.echoes && wire->written == script.bytes;
  const bool all_read = wire->end_reached && wire->to_read_there() == 0;
  const bool answered = wire->read_there >= script.bytes;
  bool finish = all_read;  // the other side has ended: there is nothing left to say to it
  if (script.echoes) finish = all_read && wire->written == wire->read_there;
  if (script.ends == Script::Ends::kHalfClose && all_written) finish = true;
  if (script.ends == Script::Ends::kWhenAnswered && all_written && answered &&
      world_.events.now() >= begun_ns_ + script.silent_ns) {
    finish = true;
  }
  if (finish && !ended_) {
    ended_ = true;
    wire->finish();
  }
  if (ended_ && all_read) over_ = true;
}

std::string Peer::complaint() const {
  char text[200];
  const auto number = static_cast<unsigned>(wire->stream);
  if (!script.fair() || script.echoes) return {};
  if (was_reset_) {
    std::snprintf(text, sizeof text, "stream %u: a fair peer was cut", number);
  } else if (wire->read_there != script.bytes) {
    std::snprintf(text, sizeof text, "stream %u: of %llu bytes %llu came back", number,
                  static_cast<unsigned long long>(script.bytes),
                  static_cast<unsigned long long>(wire->read_there));
  } else {
    return {};
  }
  return text;
}

std::string Peer::state() const {
  char text[300];
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::snprintf(text, sizeof text,
                "stream %u%s: of %llu written %llu arrived %llu taken %llu; sent %llu reached %llu "
                "read %llu; ended %d, end reached %d, over %d, closed here %d, reads %d, ends %d",
                static_cast<unsigned>(wire->stream), script.echoes ? " (server)" : "",
                n(script.bytes), n(wire->written), n(wire->arrived), n(wire->taken), n(wire->sent),
                n(wire->reached), n(wire->read_there), ended_, wire->end_reached, over_,
                wire->closed_here, static_cast<int>(script.reads), static_cast<int>(script.ends));
  return text;
}

}  // namespace ouro::sim
