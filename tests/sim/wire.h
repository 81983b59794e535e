// One simulated connection between the engine ("here") and a peer ("there").
//
// Bytes are not stored: byte n of a stream is always the same, so a count says all. What arrives
// here is made when it is received; what is sent from here is checked when the kernel would copy
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "sim/world.h"

namespace ouro::sim {

// What a server is sent is told by its first byte.
inline constexpr std::uint32_t kUnknownStream = ~std::uint32_t{0};

class Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(World& world, std::uint32_t stream);
  // One of several that are alike.
  Wire(World& world, std::uint32_t stream, std::uint64_t latency_ns, std::uint64_t room);

  // What the peer does. Returns how much of it there was room for.
  std::uint64_t write(std::uint64_t count);
  void finish();
  void reset();
  void read(std::uint64_t count);

  // What the engine does.
  void take(std::uint64_t count);
  void send(std::uint64_t count);
  void shut();
  void close(bool with_reset);
  // Neither side can do anything with it any more.
  void break_down();

  [[nodiscard]] std::uint64_t unread() const { return arrived - taken; }
  [[nodiscard]] std::uint64_t room() const { return room_out_ - (sent - read_there); }
  [[nodiscard]] std::uint64_t to_read_there() const { return reached - read_there; }

  std::uint32_t stream;
  std::function<void()> here;   // something has come to the engine's side
  std::function<void()> there;  // something has come to the peer's side

  // Towards the engine: written by the peer, in the engine's socket, received.
  std::uint64_t written = 0, arrived = 0, taken = 0;
  bool end_arrived = false;
  bool reset_arrived = false;  // receiving and sending fail from now on
  // Towards the peer: taken by the kernel, at the peer's machine, read by its program.
  std::uint64_t sent = 0, reached = 0, read_there = 0;
  bool end_reached = false;
  bool reset_reached = false;
  bool shut_here = false;  // no more will be sent
  bool closed_here = false;
  bool broken = false;      // by a failure that nobody is to blame for
  bool over_there = false;  // the peer has cut it

 private:
  void arrives_here(std::function<void()> what);
  void arrives_there(std::function<void()> what);
  [[nodiscard]] std::uint64_t trip();
  [[nodiscard]] std::uint64_t draw_room();

  World& world_;
  std::uint64_t latency_ns_;
  std::uint64_t room_in_;   // what both kernels hold of bytes on their way here
  std::uint64_t room_out_;  // and on their way there
  std::uint64_t last_here_ns_ = 0, last_there_ns_ = 0;  // bytes do not overtake each other
};

}  // namespace ouro::sim
