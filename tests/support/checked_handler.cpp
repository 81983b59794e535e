#include "checked_handler.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ouro::test {
namespace {

constexpr int kReasons = static_cast<int>(Errc::kUnexpected) + 1;

// One worker a thread, so one call at a time a thread.
thread_local bool in_call = false;

}  // namespace

// Marks that a call runs; a second one inside the first is a breach.
class CheckedHandler::Call {
 public:
  Call(CheckedHandler& handler, const Connection& connection, const char* name) : outer_(in_call) {
    if (in_call) handler.breach(connection, fmt::format("{}() began inside another call", name));
    in_call = true;
  }
  ~Call() { in_call = outer_; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  bool outer_;
};

CheckedHandler::~CheckedHandler() {
  for (const std::string& what : breaches_) ADD_FAILURE() << "a promise was broken: " << what;
}

std::map<Errc, std::atomic<std::uint64_t>> CheckedHandler::make_reasons() {
  std::map<Errc, std::atomic<std::uint64_t>> reasons;
  for (int i = 0; i < kReasons; ++i) reasons[static_cast<Errc>(i)] = 0;
  return reasons;
}

std::uint64_t CheckedHandler::closed_with(Errc reason) const { return reasons_.at(reason); }

void CheckedHandler::opened(Connection& connection) {
  const Call call(*this, connection, "opened");
  if (!open_.emplace(&connection, Seen{}).second) breach(connection, "opened() came twice");
  ++opened_count;
  if (on_opened) on_opened(connection);
}

void CheckedHandler::data(Connection& connection, Buffer buffer) {
  const Call call(*this, connection, "data");
  Seen& record = seen(connection, "data");
  if (record.ended) breach(connection, "data() came after ended()");
  if (buffer.empty()) breach(connection, "data() brought an empty buffer");
  record.received += buffer.size();
  received_bytes += buffer.size();
  if (connection.received_bytes() < record.received) {
    breach(connection, "received_bytes() is less than what data() brought");
  }
  if (on_data) {
    on_data(connection, std::move(buffer));
  } else {
    connection.send(std::move(buffer));
  }
  unsent_most = std::max<std::uint64_t>(unsent_most, connection.unsent());
  ++data_count;
}

void CheckedHandler::drained(Connection& connection) {
  const Call call(*this, connection, "drained");
  seen(connection, "drained");
  if (connection.unsent() != 0) breach(connection, "drained() came with bytes unsent");
  if (on_drained) on_drained(connection);
  ++drained_count;
}

void CheckedHandler::ended(Connection& connection) {
  const Call call(*this, connection, "ended");
  Seen& record = seen(connection, "ended");
  if (record.ended) breach(connection, "ended() came twice");
  record.ended = true;
  if (on_ended) {
    on_ended(connection);
  } else {
    Handler::ended(connection);
  }
  ++ended_count;
}

void CheckedHandler::closed(Connection& connection, Errc reason) {
  const Call call(*this, connection, "closed");
  // A connection that failed before it opened is closed without opened(), never cleanly.
  const bool known = open_.erase(&connection) == 1;
  if (!known && reason == Errc::kNone) breach(connection, "closed() without opened()");
  if (on_closed) on_closed(connection, reason);
  ++reasons_.at(reason);
  ++closed_count;
}

CheckedHandler::Seen& CheckedHandler::seen(Connection& connection, const char* call) {
  const auto [place, fresh] = open_.try_emplace(&connection);
  if (fresh) breach(connection, std::string(call) + "() came while the connection was not open");
  return place->second;
}

void CheckedHandler::breach(const Connection& connection, const std::string& what) {
  constexpr std::size_t kBreachesMax = 20;
  if (breaches_.size() >= kBreachesMax) return;
  breaches_.push_back(what + " (after " + std::to_string(connection.received_bytes()) +
                      " bytes received)");
}

}  // namespace ouro::test
