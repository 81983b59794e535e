// The hearing half of a generator: what comes back, and what it says about the server.
#include <algorithm>

#include "load/generator.h"

namespace ouro::load {
namespace {

constexpr std::uint64_t kReturnAfterNs = 20'000'000;
constexpr std::uint64_t kFarewellMaxNs = 900'000'000;  // the engine waits a second for it

}  // namespace

void Generator::opened(Connection& connection) {
  Client& client = client_of(connection);
  --connecting_;
  ++opened_ever_;
  if (tried_ < clients_.size()) ++tried_;
  client.open = true;
  client.opened_ns = now_ns();
  found_.connect.add(client.opened_ns - client.connect_began_ns);
  if (streams()) return fill_stream(client);
  if (has_schedule()) return ask_again(client, now_ns());
  const std::size_t at_once = churns() ? 1 : options_.depth;
  // Of a churn, the answer's time counts from the connect on.
  const std::uint64_t intended = churns() ? client.connect_began_ns : now_ns();
  for (std::size_t i = 0; i < at_once; ++i) ask(client, intended);
}

void Generator::data(Connection& connection, Buffer buffer) {
  Client& client = client_of(connection);
  if (client.closing || measured_) return;
  note_progress(client);
  if (measuring_) {
    found_.bytes_received += buffer.size();
    second_.bytes += buffer.size();
    client.result.bytes += buffer.size();
  }
  if (options_.target.protocol == Protocol::kHttp) return hear_http(client, buffer.bytes());
  if (options_.verify) check(client, buffer.bytes());
  if (streams()) return hear_stream(client, buffer.size());
  hear_echo(client, buffer.bytes());
}

void Generator::note_progress(Client& client) {
  note_silence(client, now_ns());
  client.waiting_since_ns = now_ns();
}

// A wait that began before the measured time counts from there.
void Generator::note_silence(Client& client, std::uint64_t now) {
  if (client.waiting_since_ns == 0 || now < client.waiting_since_ns) return;
  if (!measuring_ && !measured_) return;
  std::uint64_t& longest = client.result.longest_silence_ns;
  longest = std::max(longest, now - client.waiting_since_ns);
}

void Generator::check(Client& client, std::span<const std::byte> bytes) {
  const auto wrong = pattern_.first_difference(client.number, client.received_bytes, bytes);
  if (!wrong) return;
  ++found_.corrupt;
  if (found_.first_corruption) return;
  const std::byte expected = pattern_.piece(client.number, *wrong, 1).front();
  const std::byte received = bytes[*wrong - client.received_bytes];
  found_.first_corruption = Corruption{client.number, *wrong, std::to_integer<unsigned>(expected),
                                       std::to_integer<unsigned>(received)};
}

void Generator::hear_echo(Client& client, std::span<const std::byte> bytes) {
  client.received_bytes += bytes.size();
  if (client.received_bytes > client.sent_bytes) {
    count_error("more came back than was sent");
    return give_up(client);
  }
  while (client.on_their_way() > 0 &&
         client.received_bytes >= (client.answered_count + 1) * options_.size) {
    answered(client);
  }
}

// What is here when a request leaves cannot be its answer.
void Generator::hear_http(Client& client, std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::uint64_t asked_before = client.asked_count;
  using Found = HttpResponseReader::Found;
  while (!text.empty() && !client.closing) {
    const bool unasked = client.answered_count >= asked_before;
    const Found found = unasked ? Found::kResponse : client.response.read(text);
    if (found == Found::kNothing) return;
    if (unasked || found == Found::kGarbage) {
      count_error(unasked ? "an unasked response" : "not an HTTP/1.1 response");
      return give_up(client);
    }
    if (client.response.status() >= 400) {
      count_error("status " + std::to_string(client.response.status()));
    }
    answered(client);
  }
}

void Generator::hear_stream(Client& client, std::size_t count) {
  client.received_bytes += count;
  if (!client.served) note_first_service(client, 0);
  fill_stream(client);
}

// Of an open loop it counts from when the first request was due, which may be long after.
void Generator::note_first_service(Client& client, std::uint64_t intended_ns) {
  client.served = true;
  const std::uint64_t from = has_schedule() ? intended_ns : client.opened_ns;
  const std::uint64_t waited = now_ns() - std::min(now_ns(), from);
  found_.first_service.add(waited);
  if (client.result.first_service_ns == 0) {
    client.result.first_service_ns = std::max<std::uint64_t>(1, waited);
  }
}

void Generator::answered(Client& client) {
  const std::uint64_t now = now_ns();
  const Asked& asked = client.next_answered();
  if (!client.served) note_first_service(client, asked.intended_ns);
  if (measuring_) {
    const std::uint64_t latency = now - std::min(now, asked.intended_ns);
    found_.latency.add(latency);
    found_.service.add(now - std::min(now, asked.sent_ns));
    second_.latency.add(latency);
    client.latency.add(latency);
    ++found_.requests;
    ++second_.requests;
    ++client.result.requests;
  }
  if (client.on_their_way() == 0) client.waiting_since_ns = 0;
  ask_again(client, now);
}

void Generator::ask_again(Client& client, std::uint64_t now) {
  if (churns() || client.response.last()) return leave(client);
  if (!has_schedule()) return ask(client, now);
  while (!client.due.empty() && client.may_ask()) {
    const std::uint64_t intended = client.due.front();
    client.due.pop_front();
    --due_;
    ask(client, intended);
  }
}

void Generator::leave(Client& client) {
  client.closing = true;
  client.left_ns = now_ns();
  client.connection->close();
}

void Generator::give_up(Client& client) {
  client.closing = true;
  client.connection->abort();
}

void Generator::ended(Connection& connection) {
  Client& client = client_of(connection);
  // A body without a length ends here.
  if (client.response.ended() && client.on_their_way() > 0) answered(client);
  connection.close();
}

void Generator::closed(Connection& connection, Errc reason) {
  Client& client = client_of(connection);
  client.connection = nullptr;
  const bool was_open = std::exchange(client.open, false);
  if (leaving_ || measured_) return;
  if (!was_open) {
    --connecting_;
    if (tried_ < clients_.size()) ++tried_;
    if (opened_ever_ == 0 && reason != Errc::kWouldBlock) {
      return shared_.fail("cannot connect to " + options_.target.address.to_string() + ": " +
                          to_string(reason));
    }
  }
  note_silence(client, now_ns());
  if (const std::string word = end_word(client, was_open, reason); !word.empty()) count_error(word);
  note_lost(client);
  if (client.served) {
    to_open_.push_back(&client);
  } else {
    return_later(client);
  }
}

// In an open loop a request that will not be answered has waited in vain, and that is a wait.
void Generator::note_lost(Client& client) {
  if (!measuring_) return;
  found_.lost += client.on_their_way();
  if (!has_schedule()) return;
  while (client.on_their_way() > 0) {
    add_wait(client, client.next_answered().intended_ns, now_ns());
  }
}

// A server that lets nobody in is not to be asked a million times a second.
void Generator::return_later(Client& client) {
  returns_.push_back({now_ns() + kReturnAfterNs, &client});
}

// What was wrong with how a connection ended; empty if nothing was.
std::string Generator::end_word(const Client& client, bool was_open, Errc reason) const {
  // A full queue of a Unix socket, which TCP would have waited for.
  if (!was_open && reason == Errc::kWouldBlock) return "";
  if (!was_open) return std::string("cannot connect: ") + to_string(reason);
  if (client.closing) {
    const bool in_vain = client.left_ns > 0 && now_ns() - client.left_ns > kFarewellMaxNs;
    return in_vain ? "not closed by the server" : "";
  }
  if (reason != Errc::kNone) return to_string(reason);
  return client.on_their_way() > 0 || streams() ? "closed before the answer"
                                                : "closed by the server";
}

void Generator::count_error(const std::string& kind) {
  ++(measuring_ ? found_.errors : found_.early_errors)[kind];
}

}  // namespace ouro::load
