// The programs that run on the simulated engine: an echo that uses its connections in every way it
// may, and a client.
#pragma once

#include <functional>
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
  [[nodiscard]] bool cut_it() const { return ends_ == Ends::kCuts; }
  [[nodiscard]] std::string complaint() const;
  const std::uint16_t stream;

 private:
  void send_more(Connection& connection);

  World& world_;
  std::uint64_t bytes_;
  enum class Ends : std::uint8_t { kWhenAnswered, kEarly, kCuts };
  Ends ends_;
  std::uint64_t gives_up_at_;  // ends the connection when so many bytes have come
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool connected_ = false;
  bool gave_up_ = false;  // and what came later does not matter
  bool over_ = false;
  Errc reason_ = Errc::kNone;
};

// Watches descriptors, and now and then others instead.
class Watcher {
 public:
  // `readable` says whether a descriptor is, and reads it.
  Watcher(World& world, Worker& worker, int first_fd, std::function<bool(int)> readable);

 private:
  void change();
  void watch(std::size_t place);

  World& world_;
  Worker& worker_;
  std::function<bool(int)> readable_;
  std::vector<std::unique_ptr<Watch>> watches_;
  Timer timer_;
  int next_fd_;
  int changes_left_;
};

}  // namespace ouro::sim
