// One connection of the generator: what it asked and has not been answered, and what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "load/histogram.h"
#include "load/http_response.h"
#include "load/results.h"
#include "ouro/connection.h"

namespace ouro::load {

// When a request should have left, and when it did.
struct Asked {
  std::uint64_t intended_ns = 0;
  std::uint64_t sent_ns = 0;
};

// Owned by its generator; outlives the connections that it uses one after the other.
struct Client {
  std::size_t number = 0;
  Connection* connection = nullptr;
  bool open = false;
  bool served = false;   // since it was opened
  bool closing = false;  // by us

  // Of the present connection.
  std::uint64_t connect_began_ns = 0;
  std::uint64_t opened_ns = 0;
  std::uint64_t left_ns = 0;  // we have asked to close it
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t asked_count = 0;
  std::uint64_t answered_count = 0;
  std::vector<Asked> asked;  // a ring of as many as may be on their way
  HttpResponseReader response;

  // Due by the schedule, but too many are on their way.
  std::deque<std::uint64_t> due;

  // Since when it waits for a byte, over all its connections; 0: it does not.
  std::uint64_t waiting_since_ns = 0;

  // What it has reached in the measured time.
  ConnectionResult result;
  SmallHistogram latency;
  std::uint64_t share_before_second = 0;

  [[nodiscard]] std::size_t on_their_way() const noexcept { return asked_count - answered_count; }
  [[nodiscard]] bool may_ask() const noexcept {
    return open && !closing && on_their_way() < asked.size();
  }
  Asked& next_asked() noexcept { return asked[asked_count++ % asked.size()]; }
  Asked& next_answered() noexcept { return asked[answered_count++ % asked.size()]; }

  // Forgets the last connection's exchange.
  void begin(std::uint64_t now_ns) {
    connect_began_ns = now_ns;
    sent_bytes = received_bytes = asked_count = answered_count = 0;
    left_ns = 0;
    served = closing = false;
    response = HttpResponseReader();
  }
};

}  // namespace ouro::load
