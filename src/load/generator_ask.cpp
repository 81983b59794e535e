// The asking half of a generator: what leaves, and when.
#include <algorithm>

#include "load/generator.h"
#include "os/clock.h"

namespace ouro::load {

// Everything whose time has come, unless that is too much at once: then the rest comes later, and
// is late.
void Generator::ask_what_is_due() {
  constexpr int kInTurn = 4096;
  constexpr std::size_t kDueMax = std::size_t{1} << 22;
  const std::uint64_t begin = shared_.begin_ns.load(std::memory_order_relaxed);
  if (!schedule_ || begin == 0 || measured_) return;
  if (!schedule_->started()) schedule_->start(begin);
  const std::uint64_t now = os::now_ns();
  for (int i = 0; i < kInTurn && due_ < kDueMax && schedule_->next_ns() <= now; ++i) {
    ask_scheduled(clients_[schedule_->next_connection()], schedule_->next_ns());
    schedule_->advance();
  }
}

void Generator::ask_scheduled(Client& client, std::uint64_t intended_ns) {
  if (!client.may_ask() || !client.due.empty()) {
    client.due.push_back(intended_ns);
    ++due_;
    return;
  }
  if (measuring_) {
    const std::uint64_t now = os::now_ns();
    found_.late_sends.add(now - std::min(now, intended_ns));
  }
  ask(client, intended_ns);
}

void Generator::ask(Client& client, std::uint64_t intended_ns) {
  const std::uint64_t now = has_schedule() ? os::now_ns() : now_ns();
  client.next_asked() = {intended_ns, now};
  if (client.waiting_since_ns == 0) client.waiting_since_ns = now;
  send_message(client);
}

// The bytes are nobody's to change, so none is copied, and however large a message is, all of it
// is on its way at once.
void Generator::send_message(Client& client) {
  if (options_.target.protocol == Protocol::kHttp) {
    client.sent_bytes += request_.size();
    if (measuring_) found_.bytes_sent += request_.size();
    return client.connection->send_constant(std::as_bytes(std::span(request_)));
  }
  if (measuring_) found_.bytes_sent += options_.size;
  for (std::size_t left = options_.size; left > 0;) {
    // Where nobody looks, the same bytes each time: they stay in the cache.
    const auto piece = options_.verify ? pattern_.piece(client.number, client.sent_bytes, left)
                                       : pattern_.piece(0, 0, left);
    client.connection->send_constant(piece);
    client.sent_bytes += piece.size();
    left -= piece.size();
  }
}

void Generator::fill_stream(Client& client) {
  constexpr std::size_t kMessagesMax = 1024;  // of one byte each there would be a million
  const std::size_t window = std::min(options_.window, kMessagesMax * options_.size);
  if (client.waiting_since_ns == 0) client.waiting_since_ns = now_ns();
  while (client.sent_bytes - client.received_bytes < window) send_message(client);
}

}  // namespace ouro::load
