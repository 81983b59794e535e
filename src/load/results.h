// What a run found out: the one thing that the text, the JSON and the page are made from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "load/histogram.h"
#include "load/options.h"

namespace ouro::load {

// A second of the measured time.
struct SecondResult {
  double seconds = 0;  // its real length; the last one may be shorter
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;  // received
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
  double jain = 0;  // of the connections' shares in it
};

// A connection's part in the measured time. When it was cut and opened again, that of all its
// lives.
struct ConnectionResult {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;  // received
  std::uint64_t p99_ns = 0;
  std::uint64_t longest_silence_ns = 0;  // without a byte while it waited for one
  std::uint64_t first_service_ns = 0;    // from the connect to the first answer; 0: never
};

// What the kernel charged the server, over the measured time.
struct ServerResult {
  int process = 0;
  unsigned processes = 0;  // with its children; 0: it ended, or may not be looked at
  double user_seconds = 0;
  double kernel_seconds = 0;
  std::uint64_t context_switches = 0;
  std::uint64_t memory_before = 0;  // PSS in bytes, before the first connection
  std::uint64_t memory = 0;         // at the end
};

// A byte that came back wrong.
struct Corruption {
  std::size_t connection = 0;
  std::uint64_t offset = 0;  // in what the connection received
  unsigned expected = 0;
  unsigned received = 0;
};

struct Results {
  LoadOptions options;
  std::string engine;  // that took the load: "uring" or "epoll"
  double seconds = 0;  // measured
  double warm_up_seconds = 0;
  std::uint64_t requests = 0;  // of a stream: messages' worth of bytes
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::map<std::string, std::uint64_t> errors;        // by kind, in the measured time
  std::map<std::string, std::uint64_t> early_errors;  // and before it
  std::uint64_t corrupt = 0;                          // pieces received that held a wrong byte
  std::optional<Corruption> first_corruption;

  Histogram latency;        // open loop: from the intended time; else the same as service
  Histogram service;        // from when it was sent
  Histogram connect;        // until the connection was there, over the whole run
  Histogram first_service;  // from there to the first answer, over the whole run
  Histogram late_sends;     // open loop: how much later than intended a request left
  // Requests of the measured time without an answer. In an open loop each is in `latency` with the
  // time that it had waited by then: it would have taken longer still.
  std::uint64_t lost = 0;        // their connection ended
  std::uint64_t unanswered = 0;  // open loop: on their way when time was up
  std::uint64_t unsent = 0;      // open loop: due, but not sent when time was up

  std::vector<SecondResult> timeline;
  std::vector<ConnectionResult> connections;  // empty for churn, which has none that last
  std::vector<double> thread_cpu;             // of each thread of the generator, 0 to 1
  std::optional<ServerResult> server;
  std::uint64_t sent_again = 0;  // TCP segments, by all of this machine
  bool interrupted = false;
};

// What follows from them.

// Errors of all kinds.
[[nodiscard]] std::uint64_t total(const std::map<std::string, std::uint64_t>& errors) noexcept;

// Requests that an open loop had due in the measured time, answered or not.
[[nodiscard]] std::uint64_t scheduled(const Results& results) noexcept;

// 1 when all have the same, 1/n when one has everything; 1 of nothing.
[[nodiscard]] double jain(const std::vector<double>& shares);

// What each connection that took part got: requests (streams: bytes) a second.
[[nodiscard]] std::vector<double> connection_shares(const Results& results);

// Of connections: how their shares are spread.
struct Spread {
  double min = 0, p1 = 0, p50 = 0, max = 0;
};
[[nodiscard]] Spread spread(std::vector<double> values);

struct Fairness {
  double jain = 1;
  double worst_second = 1;  // Jain's index in the worst whole second
  double min_max = 1;       // slowest to fastest
  std::size_t starved = 0;  // with less than a tenth of the mean
  std::uint64_t longest_silence_ns = 0;
  Spread share;  // requests (streams: bytes) a second of a connection
  Spread p99_ns;
};
[[nodiscard]] Fairness fairness(const Results& results);

// Of wrong bytes that came back: how many pieces, and where the first one was.
[[nodiscard]] std::string corruption_text(const Results& results);

// Packets were lost, which shows as silence that no server is to blame for.
[[nodiscard]] bool packets_lost(std::uint64_t sent_again, std::uint64_t requests) noexcept;

// How long every connection of a closed loop was silent at least, if that is far beyond what its
// requests take; else 0.
[[nodiscard]] std::uint64_t silence_of_all_ns(const Results& results) noexcept;

// Sentences on what to think of the figures: the generator was the limit, the rate was not reached,
// packets were lost, the run was too short or too uneven to trust. Empty when there is nothing to
// say.
[[nodiscard]] std::vector<std::string> remarks(const Results& results);

}  // namespace ouro::load
