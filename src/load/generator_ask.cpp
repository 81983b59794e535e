// The asking half of a generator: what leaves, and when.
#include <algorithm>

#include "load/generator.h"
#include "os/clock.h"

namespace ouro::load {

// Everything whose time has come, on one connection after the other.
void Generator::ask_what_is_due() {
  const std::uint64_t begin = shared_.begin_ns.load(std::memory_order_relaxed);
  if (!schedule_ || begin == 0 || measured_) return;
  if (schedule_->next_ns() == 0) schedule_->start(begin);
  const std::size_t among = active();
  const std::uint64_t now = os::now_ns();
  for (; schedule_->next_ns() <= now; schedule_->advance()) {
    ask_scheduled(clients_[next_scheduled_++ % among], schedule_->next_ns());
  }
}

std::size_t Generator::active() const noexcept {
  if (options_.mode != Mode::kIdle) return clients_.size();
  return std::clamp<std::size_t>(options_.active / options_.threads, 1, clients_.size());
}

void Generator::ask_scheduled(Client& client, std::uint64_t intended_ns) {
  if (!client.may_ask() || !client.due.empty()) {
    client.due.push_back(intended_ns);
    return;
  }
  if (measuring_) found_.late_sends.add(os::now_ns() - intended_ns);
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
    const auto piece = pattern_.piece(client.number, client.sent_bytes, left);
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
