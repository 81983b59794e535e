#include "ctl/steer.h"

#include <fmt/format.h>

#include "base/units.h"
#include "ctl/client.h"
#include "ctl/report.h"
#include "os/clock.h"

namespace ouro::ctl {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};
// One that is being replaced does not answer for a moment.
constexpr int kLooksInVainMax = 20;
constexpr int kStatusDone = 200;

Outcome failed(const Wish& wish, std::vector<std::string> reasons) {
  Outcome outcome;
  if (wish.json) outcome.out = outcome_json({.done = false, .reasons = reasons});
  outcome.errors = std::move(reasons);
  return outcome;
}

// An answer that is not one of ours, or that of another version.
Outcome not_understood(const Wish& wish, const Answer& answer) {
  return failed(wish, {fmt::format("the server's answer ({}) is not understood", answer.status)});
}

// One that says no, in our words if it can.
Outcome refused(const Wish& wish, const Answer& answer) {
  auto report = read_outcome(answer.body);
  if (!report || report->done || report->reasons.empty()) return not_understood(wish, answer);
  return failed(wish, std::move(report->reasons));
}

Outcome show(const Wish& wish, const Answer& answer) {
  if (answer.status != kStatusDone) return refused(wish, answer);
  auto text = wish.what == What::kStatus ? status_text(answer.body) : servers_text(answer.body);
  if (text && wish.json) text = pretty(answer.body);
  if (!text) return not_understood(wish, answer);
  return {.done = true, .out = std::move(*text)};
}

std::string target_of(const Wish& wish) {
  switch (wish.what) {
    case What::kStatus:
      return "/status";
    case What::kReload:
      return "/reload";
    case What::kUpgrade:
      return "/upgrade";
    case What::kDrain:
      return "/drain";
    case What::kServers:
      return "/servers";
    case What::kServerDrain:
      return "/servers/drain?name=" + percent_encoded(wish.server);
    case What::kServerReady:
      return "/servers/ready?name=" + percent_encoded(wish.server);
  }
  return "";
}

std::string done_text(const Wish& wish, const std::string& server) {
  switch (wish.what) {
    case What::kReload:
      return "reloaded\n";
    case What::kUpgrade:
      return "upgraded\n";
    case What::kDrain:
      return "draining\n";
    case What::kServerDrain:
      return server + (wish.wait ? " is drained\n" : " is draining\n");
    default:
      return server + " is ready\n";
  }
}

// Asks again and again. That a server does not answer while it is being asked to is not the end, if
// it was not for long; that nobody listens there any more is.
Outcome wait_until_drained(Client& client, const Wish& wish, const OutcomeReport& report) {
  const std::uint64_t begin = os::now_ns();
  int in_vain = 0;
  while (true) {
    const auto answer = client.ask("GET", "/servers", wish.timeout);
    if (!answer) {
      const bool again = answer.error().code == Errc::kReset && ++in_vain < kLooksInVainMax;
      if (!again) return failed(wish, {answer.error().what});
    } else {
      in_vain = 0;
      if (answer->status != kStatusDone) return refused(wish, *answer);
      bool wrong = false;
      const auto left = connections_of(answer->body, report.server, wrong);
      if (wrong) return not_understood(wish, *answer);
      if (!left) return failed(wish, {report.server + " is in the config no more"});
      if (*left == 0) break;
      if (wish.wait_most && os::now_ns() - begin >= as_ns(*wish.wait_most)) {
        return failed(wish, {fmt::format("{} has {} connection{} after {}", report.server, *left,
                                         *left == 1 ? "" : "s", format_duration(*wish.wait_most))});
      }
    }
    client.pause(kLookEvery);
  }
  const std::string text = wish.json ? outcome_json(report) : done_text(wish, report.server);
  return {.done = true, .out = text};
}

Outcome change(Client& client, const Wish& wish, const Answer& answer) {
  if (answer.status != kStatusDone) return refused(wish, answer);
  const auto report = read_outcome(answer.body);
  const bool about_server = wish.what == What::kServerDrain || wish.what == What::kServerReady;
  if (!report || !report->done || report->server.empty() == about_server) {
    return not_understood(wish, answer);
  }
  if (wish.wait) return wait_until_drained(client, wish, *report);
  const std::string text = wish.json ? outcome_json(*report) : done_text(wish, report->server);
  return {.done = true, .out = text};
}

}  // namespace

Outcome carry_out(const Address& server, const Wish& wish) {
  auto client = Client::create(server);
  if (!client) return failed(wish, {client.error().what});
  const bool asks = wish.what == What::kStatus || wish.what == What::kServers;
  const auto answer = client->ask(asks ? "GET" : "POST", target_of(wish), wish.timeout);
  if (!answer) return failed(wish, {answer.error().what});
  return asks ? show(wish, *answer) : change(*client, wish, *answer);
}

}  // namespace ouro::ctl
