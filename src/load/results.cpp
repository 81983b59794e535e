#include "load/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "load/figures.h"

namespace ouro::load {
namespace {

constexpr double kStarvedShare = 0.1;     // of the mean
constexpr double kBusyThread = 0.95;      // from here on the generator may be what is measured
constexpr double kRateReached = 0.99;     // of what was due
constexpr double kLateSendNs = 1e6;       // at the 99th percentile
constexpr double kWholeSecond = 0.95;     // a second's timer may come a little early
constexpr std::size_t kSecondsLeast = 3;  // fewer say nothing about how steady a run was
constexpr double kVariationMost = 0.05;

std::vector<const SecondResult*> whole_seconds(const Results& results) {
  std::vector<const SecondResult*> whole;
  for (const SecondResult& second : results.timeline) {
    if (second.seconds >= kWholeSecond) whole.push_back(&second);
  }
  return whole;
}

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Of many idle connections most are never asked, and nobody starves who wants nothing.
bool takes_part(const Results& results, const ConnectionResult& connection) {
  return results.options.mode != Mode::kIdle || connection.requests > 0 ||
         connection.longest_silence_ns > 0;
}

// Who never was answered has no times to tell.
std::vector<double> p99s_of(const Results& results) {
  std::vector<double> times;
  for (const ConnectionResult& connection : results.connections) {
    if (connection.requests > 0) times.push_back(static_cast<double>(connection.p99_ns));
  }
  return times;
}

std::size_t starved(const std::vector<double>& shares) {
  const double least = kStarvedShare * mean(shares);
  return static_cast<std::size_t>(
      std::ranges::count_if(shares, [least](double share) { return share < least || share == 0; }));
}

double worst_second(const Results& results, double otherwise) {
  const std::vector<const SecondResult*> seconds = whole_seconds(results);
  if (seconds.empty()) return otherwise;
  double worst = 1;
  for (const SecondResult* second : seconds) worst = std::min(worst, second->jain);
  return worst;
}

// Standard deviation of the seconds' rates, as a part of their mean.
double variation(const std::vector<const SecondResult*>& seconds) {
  std::vector<double> rates;
  rates.reserve(seconds.size());
  for (const SecondResult* second : seconds) {
    rates.push_back(static_cast<double>(second->requests) / second->seconds);
  }
  const double middle = mean(rates);
  if (middle <= 0 || rates.size() < 2) return 0;
  double squares = 0;
  for (const double rate : rates) squares += (rate - middle) * (rate - middle);
  return std::sqrt(squares / static_cast<double>(rates.size() - 1)) / middle;
}

// Of few requests a second one more or less is much, and Poisson arrivals differ by nature, by the
// root of their number.
double variation_allowed(const Results& results) {
  if (!open_loop(results.options.mode)) return kVariationMost;
  const double rate =
      std::max(1.0, static_cast<double>(results.requests) / std::max(results.seconds, 1e-9));
  const double by_nature = results.options.poisson ? 2 / std::sqrt(rate) : 1 / rate;
  return std::max(kVariationMost, by_nature);
}

void remark_on_generator(const Results& results, std::vector<std::string>& remarks) {
  const Mode mode = results.options.mode;
  if (open_loop(mode) || results.thread_cpu.empty()) return;
  const double busiest = std::ranges::max(results.thread_cpu);
  if (busiest < kBusyThread) return;
  remarks.push_back(fmt::format(
      "the generator was the limit (its CPU {:.0f} %): the server may be faster", busiest * 100));
}

void remark_on_errors(const Results& results, std::vector<std::string>& remarks) {
  if (results.corrupt > 0) remarks.push_back("wrong bytes came back: " + corruption_text(results));
  if (const std::uint64_t errors = total(results.errors); errors > 0) {
    const auto worst = std::ranges::max_element(results.errors, {},
                                                [](const auto& error) { return error.second; });
    remarks.push_back(
        fmt::format("{} error{}, most of them: {}", errors, errors == 1 ? "" : "s", worst->first));
  }
}

void remark_on_silence(const Results& results, std::vector<std::string>& remarks) {
  const std::uint64_t silence = silence_of_all_ns(results);
  if (silence == 0) return;
  remarks.push_back(fmt::format(
      "every connection was silent for {} or more: the server stood still, or the machine",
      figure(static_cast<double>(silence), Unit::kNanoseconds)));
}

void remark_on_network(const Results& results, std::vector<std::string>& remarks) {
  if (!packets_lost(results.sent_again, results.requests)) return;
  remarks.push_back(fmt::format(
      "the network of this machine lost packets ({} segments were sent again): a long silence may "
      "be its doing and not the server's",
      results.sent_again));
}

void remark_on_rate(const Results& results, std::vector<std::string>& remarks) {
  if (results.options.mode != Mode::kRate) return;
  const auto asked = static_cast<double>(scheduled(results));
  const auto reached = static_cast<double>(results.requests);
  if (reached < kRateReached * asked) {
    remarks.push_back(
        fmt::format("the asked rate was not reached: {:.0f} of {:.0f} that were due "
                    "were answered ({})",
                    reached, asked, percent(reached / asked)));
  }
  const auto late_ns = static_cast<double>(results.late_sends.quantile(0.99));
  if (late_ns > kLateSendNs) {
    remarks.push_back(fmt::format(
        "sends were late (p99 {} after their time): the generator did not keep to its schedule",
        figure(late_ns, Unit::kNanoseconds)));
  }
}

void remark_on_steadiness(const Results& results, std::vector<std::string>& remarks) {
  const std::vector<const SecondResult*> seconds = whole_seconds(results);
  if (seconds.size() < kSecondsLeast) {
    remarks.push_back(
        fmt::format("too short to tell how steady it is: measured for fewer than {} whole seconds",
                    kSecondsLeast));
    return;
  }
  const double varies = variation(seconds);
  if (varies <= variation_allowed(results)) return;
  remarks.push_back(
      fmt::format("unstable: the rate varied by {} from second to second (standard deviation)",
                  percent(varies)));
}

bool expects_answers(const Results& results) {
  return !open_loop(results.options.mode) || scheduled(results) > 0;
}

}  // namespace

std::uint64_t scheduled(const Results& results) noexcept {
  return results.requests + results.lost + results.unanswered + results.unsent;
}

std::string_view to_string(Mode mode) noexcept {
  switch (mode) {
    case Mode::kRequest:
      return "request";
    case Mode::kStream:
      return "stream";
    case Mode::kRate:
      return "rate";
    case Mode::kChurn:
      return "churn";
    case Mode::kIdle:
      return "idle";
  }
  return "";
}

double jain(const std::vector<double>& shares) {
  double sum = 0;
  double squares = 0;
  for (const double share : shares) {
    sum += share;
    squares += share * share;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(shares.size()) * squares) : 1;
}

std::vector<double> connection_shares(const Results& results) {
  std::vector<double> shares;
  const double seconds = results.seconds > 0 ? results.seconds : 1;
  for (const ConnectionResult& connection : results.connections) {
    if (!takes_part(results, connection)) continue;
    const bool by_bytes = results.options.mode == Mode::kStream;
    const std::uint64_t part = by_bytes ? connection.bytes : connection.requests;
    shares.push_back(static_cast<double>(part) / seconds);
  }
  return shares;
}

Spread spread(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto at = [&values](double share) {
    const double rank = std::ceil(share * static_cast<double>(values.size()));
    return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  };
  return {.min = values.front(), .p1 = at(0.01), .p50 = at(0.5), .max = values.back()};
}

Fairness fairness(const Results& results) {
  Fairness fairness;
  const std::vector<double> shares = connection_shares(results);
  if (shares.empty()) return fairness;
  fairness.jain = std::ranges::max(shares) > 0 ? jain(shares) : 0;
  fairness.worst_second = worst_second(results, fairness.jain);
  fairness.share = spread(shares);
  fairness.min_max = fairness.share.max > 0 ? fairness.share.min / fairness.share.max : 0;
  fairness.starved = starved(shares);
  fairness.p99_ns = spread(p99s_of(results));
  for (const ConnectionResult& connection : results.connections) {
    fairness.longest_silence_ns =
        std::max(fairness.longest_silence_ns, connection.longest_silence_ns);
  }
  return fairness;
}

std::uint64_t total(const std::map<std::string, std::uint64_t>& errors) noexcept {
  std::uint64_t sum = 0;
  for (const auto& [kind, count] : errors) sum += count;
  return sum;
}

std::string corruption_text(const Results& results) {
  std::string text =
      fmt::format("{} piece{} held a wrong byte", results.corrupt, results.corrupt == 1 ? "" : "s");
  if (results.first_corruption) {
    const Corruption& first = *results.first_corruption;
    text += fmt::format("; first on connection {} at offset {}: 0x{:02x} instead of 0x{:02x}",
                        first.connection, first.offset, first.received, first.expected);
  }
  return text;
}

std::uint64_t silence_of_all_ns(const Results& results) noexcept {
  if (results.options.mode != Mode::kRequest || results.connections.empty()) return 0;
  const auto least =
      std::ranges::min_element(results.connections, {}, &ConnectionResult::longest_silence_ns);
  constexpr double kBeyond = 10;        // times what nearly all requests take
  constexpr double kShareOfTime = 0.1;  // less is not worth a word
  const double usual = kBeyond * static_cast<double>(results.latency.quantile(0.99));
  const double share = kShareOfTime * results.seconds * 1e9;
  const auto silence = static_cast<double>(least->longest_silence_ns);
  return silence > std::max(usual, share) ? least->longest_silence_ns : 0;
}

bool packets_lost(std::uint64_t sent_again, std::uint64_t requests) noexcept {
  constexpr std::uint64_t kFew = 20;  // some are only probes
  constexpr std::uint64_t kRequestsPerLoss = 5000;
  return sent_again > kFew && sent_again > requests / kRequestsPerLoss;
}

std::vector<std::string> remarks(const Results& results) {
  std::vector<std::string> remarks;
  if (results.interrupted) {
    remarks.push_back(
        fmt::format("interrupted: the figures are of the {:.1f} s until then", results.seconds));
  }
  remark_on_errors(results, remarks);
  if (results.requests == 0) {
    if (expects_answers(results)) remarks.emplace_back("no answer came at all");
    return remarks;
  }
  remark_on_generator(results, remarks);
  remark_on_silence(results, remarks);
  remark_on_network(results, remarks);
  remark_on_rate(results, remarks);
  remark_on_steadiness(results, remarks);
  return remarks;
}

}  // namespace ouro::load
