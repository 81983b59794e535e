// The program at the other end of a wire: a client that sends and reads by its script, or a server
// that sends back what it reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sim/wire.h"
#include "sim/world.h"

namespace ouro::sim {

struct Script {
  enum class Reads : std::uint8_t { kAtOnce, kDrips, kLate, kNever };
  enum class Ends : std::uint8_t {
    kWhenAnswered,  // reads all of it, then FIN
    kHalfClose,     // FIN behind the last byte, then reads to the end
    kReset,         // cuts it in the midst
  };

  bool echoes = false;  // a server
  std::uint64_t bytes = 0;
  std::uint64_t piece = 1 << 20;  // at most so much is written at a time
  std::uint64_t pause_ns = 0;     // between two writes
  std::uint64_t silent_ns = 0;    // before it says a word
  Reads reads = Reads::kAtOnce;
  Ends ends = Ends::kWhenAnswered;
  std::uint64_t change_ns = 0;  // when the late one begins to read, or the reset comes

  // A well-behaved one: every byte has to come back, and a clean end.
  [[nodiscard]] bool fair() const { return ends != Ends::kReset; }
  [[nodiscard]] static Script draw(World& world);
};

class Peer {
 public:
  Peer(World& world, std::shared_ptr<Wire> wire, const Script& script);
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer();

  // The connection exists now.
  void begin();
  // It has left, and knows how it ended.
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] bool was_reset() const { return was_reset_; }
  // Why the peer has to complain, or nothing.
  [[nodiscard]] std::string complaint() const;
  [[nodiscard]] std::string state() const;

  const Script script;
  const std::shared_ptr<Wire> wire;

 private:
  void wake_after(std::uint64_t ns);
  void step();
  void read();
  void write();
  void end();

  World& world_;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t wake_ns_ = ~std::uint64_t{0};
  std::uint64_t read_again_ns_ = 0;
  std::uint64_t write_again_ns_ = 0;
  bool ended_ = false;  // sent FIN
  bool over_ = false;
  bool was_reset_ = false;
};

}  // namespace ouro::sim
