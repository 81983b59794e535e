// The programs that run on the simulated engine: an echo that uses its connections in every way it
// may, and a client.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "ouro/worker.h"
#include "sim/world.h"

namespace ouro::sim {

// Sends back what comes: the buffer itself, a copy, later, or with pauses.
class MoodyEcho final : public Handler {
 public:
  explicit MoodyEcho(World& world);
  ~MoodyEcho() override;

  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void ended(Connection& connection) override;
  void closed(Connection& connection, Errc reason) override;
  [[nodiscard]] std::size_t open() const { return states_.size(); }

 private:
  struct State;
  void later(State& state);
  void now(State& state);

  World& world_;
  const bool moody_;
  std::set<std::unique_ptr<State>> states_;
};

// Connects, sends, and wants the same back.
class Asker final : public Handler {
 public:
  Asker(World& world, std::uint16_t stream, std::uint64_t bytes);

  // Tries to connect; it is over at once when no socket can be made.
  void start(Worker& worker);
  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void closed(Connection& connection, Errc reason) override;

  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] std::string complaint() const;
  const std::uint16_t stream;

 private:
  void send_more(Connection& connection);

  World& world_;
  std::uint64_t bytes_;
  std::uint64_t gives_up_at_;  // cuts the connection when so many bytes have come
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool connected_ = false;
  bool gave_up_ = false;
  bool over_ = false;
  Errc reason_ = Errc::kNone;
};

}  // namespace ouro::sim
