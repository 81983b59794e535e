#include "proxy/metrics.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "host/metrics_page.h"
#include "proxy/session_end.h"

namespace ouro::proxy {
namespace {

// As the value of a label has it.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\n') {
      result += "\\n";
      continue;
    }
    if (letter == '"' || letter == '\\') result += '\\';
    result += letter;
  }
  return result;
}

// Of which the page speaks: {listener="web"},
// {upstream="u",server="db:5432",address="10.0.0.1:80"}.
struct Subject {
  std::string labels;
  Slot slot = 0;
};

// A line for each subject; `get` gives its value.
void family(host::MetricsPage& page, std::string_view name, std::string_view kind,
            std::string_view help, const std::vector<Subject>& subjects, auto get) {
  page.family(name, kind, help);
  for (const Subject& subject : subjects) {
    page.value(name, subject.labels, std::uint64_t{get(subject.slot)});
  }
}

std::vector<Subject> listeners_of(const Blueprint& blueprint) {
  std::vector<Subject> subjects;
  for (std::size_t i = 0; i < blueprint.listeners.size(); ++i) {
    const std::string name = escaped(blueprint.config.listeners[i].name);
    subjects.push_back({fmt::format("listener=\"{}\"", name), blueprint.listeners[i]});
  }
  return subjects;
}

// Of a name, those places that somebody is at.
void add_server(const UpstreamConfig& upstream, const ServerConfig& server, const Slots& slots,
                const Shared& shared, std::vector<Subject>& subjects) {
  const std::string labels =
      fmt::format("upstream=\"{}\",server=\"{}\"", escaped(upstream.name), escaped(server.address));
  if (slots.size() == 1) return subjects.push_back({labels, slots.front()});
  for (const Slot slot : slots) {
    const auto place = shared.named_place(slot);
    if (!place || place->address.family() == Address::Family::kNone) continue;
    subjects.push_back(
        {fmt::format("{},address=\"{}\"", labels, place->address.to_string()), slot});
  }
}

std::vector<Subject> servers_of(const Blueprint& blueprint, const Shared& shared) {
  std::vector<Subject> subjects;
  for (std::size_t i = 0; i < blueprint.servers.size(); ++i) {
    const UpstreamConfig& upstream = blueprint.config.upstreams[i];
    for (std::size_t j = 0; j < blueprint.servers[i].size(); ++j) {
      add_server(upstream, upstream.servers[j], blueprint.servers[i][j], shared, subjects);
    }
  }
  return subjects;
}

void append_listeners(host::MetricsPage& page, const Blueprint& blueprint, const Shared& shared) {
  const auto all = listeners_of(blueprint);
  const auto sum = [&shared](Counter ListenerAccount::* count) {
    return [&shared, count](Slot listener) {
      std::uint64_t total = 0;
      for (unsigned i = 0; i < shared.workers(); ++i) {
        total += (shared.listener(i, listener).*count).get();
      }
      return total;
    };
  };
  family(page, "proxy_listener_connections", "gauge", "clients of this listener now", all,
         [&shared](Slot one) { return shared.connections_of_listener(one); });
  family(page, "proxy_listener_connections_total", "counter",
         "clients that came in by this listener", all, sum(&ListenerAccount::begun));
  family(page, "proxy_listener_refused_total", "counter",
         "clients this listener turned away: it was full, or they may not send a header", all,
         sum(&ListenerAccount::refused));
}

void append_servers(host::MetricsPage& page, const Blueprint& blueprint, const Shared& shared,
                    std::uint64_t now_ns) {
  const auto all = servers_of(blueprint, shared);
  const auto sum = [&shared](Counter ServerAccount::* count) {
    return [&shared, count](Slot server) { return shared.total(server, count); };
  };
  family(page, "proxy_server_up", "gauge", "1 unless checks have found the server down", all,
         [&shared](Slot one) { return shared.server(one).health.load() == Health::kUp; });
  family(page, "proxy_server_draining", "gauge", "1 while it is to get no new connections", all,
         [&shared](Slot one) { return shared.server(one).draining.load(); });
  family(
      page, "proxy_server_ejected", "gauge", "1 while it is out because connecting had failed", all,
      [&shared, now_ns](Slot one) { return shared.server(one).ejected_until_ns.load() > now_ns; });
  family(page, "proxy_server_connections", "gauge", "connections to this server now", all,
         [&shared](Slot one) { return shared.connections_of_server(one); });
  family(page, "proxy_server_connections_total", "counter",
         "connections to this server that were begun", all, sum(&ServerAccount::begun));
  family(page, "proxy_server_connect_failures_total", "counter", "those that could not be made",
         all, sum(&ServerAccount::failed));
  family(page, "proxy_server_sent_bytes_total", "counter", "bytes of clients for this server", all,
         sum(&ServerAccount::bytes_to_server));
  family(page, "proxy_server_received_bytes_total", "counter", "bytes of this server for clients",
         all, sum(&ServerAccount::bytes_to_client));
}

}  // namespace

void append_metrics(std::string& page, const Blueprint& blueprint, const Shared& shared,
                    std::uint64_t now_ns) {
  host::MetricsPage lines(page);
  append_listeners(lines, blueprint, shared);
  append_servers(lines, blueprint, shared, now_ns);
  lines.family("proxy_sessions_ended_total", "counter", "sessions that ended, by cause");
  for (std::size_t cause = 0; cause < kCauses; ++cause) {
    lines.value("proxy_sessions_ended_total",
                fmt::format("cause=\"{}\"", to_string(static_cast<Cause>(cause))),
                shared.ended(static_cast<Cause>(cause)));
  }
}

}  // namespace ouro::proxy
