#include "load/generator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "os/clock.h"
#include "os/process_usage.h"

namespace ouro::load {
namespace {

constexpr std::chrono::milliseconds kLook{50};  // how long a stop may go unnoticed
constexpr std::size_t kConnectingMax = 256;     // more would only overflow the server's queue

bool names_the_host(const std::string& header) {
  constexpr std::string_view kHost = "host:";
  return header.size() >= kHost.size() &&
         std::equal(kHost.begin(), kHost.end(), header.begin(),
                    [](char small, char other) { return small == (other | 0x20); });
}

std::string http_request(const LoadOptions& options) {
  std::string headers;
  for (const std::string& header : options.headers) headers += header + "\r\n";
  if (std::ranges::none_of(options.headers, names_the_host)) {
    headers.insert(0, "Host: " + options.target.host + "\r\n");
  }
  if (options.mode == Mode::kChurn) headers += "Connection: close\r\n";
  return fmt::format("GET {} HTTP/1.1\r\n{}\r\n", options.target.path, headers);
}

// In an idle run the first connections are asked once a second each.
std::optional<Schedule> schedule_of(const LoadOptions& options, const Part& part) {
  if (!open_loop(options.mode)) return std::nullopt;
  const bool idle = options.mode == Mode::kIdle;
  const std::size_t asked =
      idle ? std::min(options.active, options.connections) : options.connections;
  const std::size_t count =
      std::min(part.connections, asked - std::min(asked, part.first_connection));
  if (count == 0) return std::nullopt;
  return Schedule(idle ? static_cast<double>(asked) : options.rate, options.poisson,
                  {.connections = asked, .first = part.first_connection, .count = count});
}

}  // namespace

Generator::Generator(const LoadOptions& options, const Pattern& pattern, Shared& shared, Part part)
    : options_(options),
      pattern_(pattern),
      shared_(shared),
      part_(part),
      request_(http_request(options)),
      clients_(part.connections),
      schedule_(schedule_of(options, part)),
      first_tries_left_(part.connections) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].number = part.first_connection + i;
    clients_[i].asked.resize(options.depth);
  }
  active_ = schedule_                     ? schedule_->turns().count
            : options.mode == Mode::kIdle ? 0
                                          : clients_.size();
}

// The worker goes first: it still calls back about the connections it cuts.
Generator::~Generator() { worker_ = nullptr; }

void Generator::run() {
  os::wait_precisely();
  if (!make_worker()) return;
  loop();
  leaving_ = true;
  worker_ = nullptr;
}

bool Generator::make_worker() {
  WorkerOptions with;
  with.engine = options_.engine;
  auto worker = Worker::create(with);
  if (!worker) {
    shared_.fail(worker.error().what);
    return false;
  }
  worker_ = std::move(*worker);
  found_.engine = worker_->engine_name();
  return true;
}

void Generator::loop() {
  while (!shared_.stop.load(std::memory_order_relaxed)) {
    open_some();
    ask_what_is_due();
    worker_->turn(wait_time());
    look_at_the_clock();
  }
  // The stop may have come first.
  worker_->turn(std::chrono::nanoseconds{0});
  look_at_the_clock();
  if (measuring_) end_measuring();
}

std::chrono::nanoseconds Generator::wait_time() const {
  if (!to_open_.empty() && connecting_ < kConnectingMax) return std::chrono::nanoseconds{0};
  const std::uint64_t now = os::now_ns();
  std::uint64_t next = now + as_ns(kLook);
  if (schedule_ && shared_.begin_ns.load() > 0 && !measured_) {
    next = std::min(next, schedule_->next_ns());
  }
  if (!returns_.empty()) next = std::min(next, returns_.front().at_ns);
  for (const auto* time : {&shared_.measure_from_ns, &shared_.measure_until_ns}) {
    if (const std::uint64_t at = time->load(); at > now) next = std::min(next, at);
  }
  return std::chrono::nanoseconds(next > now ? next - now : 0);
}

void Generator::open_some() {
  while (!returns_.empty() && returns_.front().at_ns <= os::now_ns()) {
    to_open_.push_back(returns_.front().client);
    returns_.pop_front();
  }
  while (connecting_ < kConnectingMax && first_tries_left_ > 0) {
    open(clients_[clients_.size() - first_tries_left_]);
    --first_tries_left_;
  }
  while (connecting_ < kConnectingMax && !to_open_.empty()) {
    Client& client = *to_open_.front();
    to_open_.pop_front();
    open(client);
  }
}

void Generator::open(Client& client) {
  client.begin(os::now_ns());
  auto connection = worker_->connect(options_.target.address, *this);
  if (!connection) {
    count_error(to_string(connection.error().code));
    if (opened_ever_ == 0) shared_.fail(connection.error().what);
    return return_later(client);
  }
  client.connection = *connection;
  client.connection->user = &client;
  ++connecting_;
}

// All have been tried once: the run may begin.
void Generator::arrive() {
  if (arrived_ || first_tries_left_ > 0 || tried_ < clients_.size()) return;
  arrived_ = true;
  shared_.arrived.fetch_add(1);
}

void Generator::look_at_the_clock() {
  arrive();
  const std::uint64_t from = shared_.measure_from_ns.load(std::memory_order_relaxed);
  if (from == 0) return;
  const std::uint64_t now = now_ns();
  if (!measuring_ && !measured_ && now >= from) begin_measuring();
  if (!measuring_) return;
  if (now >= shared_.measure_until_ns.load(std::memory_order_relaxed)) return end_measuring();
  if (now >= second_began_ns_ + kSecondNs) end_second(now);
}

void Generator::begin_measuring() {
  measuring_ = true;
  cpu_before_ns_ = os::own_thread_cpu_ns();
  second_began_ns_ = now_ns();
  for (Client& client : clients_) {
    if (client.waiting_since_ns > 0) client.waiting_since_ns = now_ns();
  }
}

void Generator::end_measuring() {
  const std::uint64_t now = now_ns();
  measuring_ = false;
  measured_ = true;
  end_second(now);
  const std::uint64_t from = shared_.measure_from_ns.load();
  cpu_ = static_cast<double>(os::own_thread_cpu_ns() - cpu_before_ns_) /
         static_cast<double>(std::max<std::uint64_t>(1, now - from));
  found_.seconds = static_cast<double>(now - from) / static_cast<double>(kSecondNs);
  count_unanswered(os::now_ns());
  for (Client& client : clients_) {
    note_silence(client, now);
    client.result.p99_ns = client.latency.quantile(0.99);
  }
}

// Whom the server has not answered by now waits longer than this.
void Generator::count_unanswered(std::uint64_t now) {
  if (!has_schedule()) return;
  for (Client& client : clients_) {
    found_.unanswered += client.on_their_way();
    while (client.on_their_way() > 0) add_wait(client, client.next_answered().intended_ns, now);
    found_.unsent += client.due.size();
    for (const std::uint64_t intended : client.due) add_wait(client, intended, now);
    client.due.clear();
  }
  constexpr int kMost = 10'000'000;  // of a rate that is far beyond reach
  for (int i = 0; i < kMost && schedule_->next_ns() < now; ++i, schedule_->advance()) {
    ++found_.unsent;
    add_wait(clients_[schedule_->next_connection()], schedule_->next_ns(), now);
  }
}

void Generator::add_wait(Client& client, std::uint64_t intended_ns, std::uint64_t now) {
  const std::uint64_t waited = now - std::min(now, intended_ns);
  found_.latency.add(waited);
  client.latency.add(waited);
}

void Generator::end_second(std::uint64_t now) {
  second_.seconds = static_cast<double>(now - second_began_ns_) / static_cast<double>(kSecondNs);
  if (!churns()) second_.connections = active_;
  std::vector<double> shares;
  shares.reserve(clients_.size());
  for (Client& client : clients_) {
    const std::uint64_t so_far = streams() ? client.result.bytes : client.result.requests;
    const auto share =
        static_cast<double>(so_far - std::exchange(client.share_before_second, so_far));
    second_.share_sum += share;
    second_.share_square_sum += share * share;
    shares.push_back(share);
  }
  second_began_ns_ = now;
  const std::lock_guard lock(shared_.mutex);
  shared_.seconds[part_.thread].push_back(std::exchange(second_, {}));
  shared_.shares[part_.thread] = std::move(shares);
}

void Generator::tell(Results& results) const {
  const bool mixed = !results.engine.empty() && results.engine != found_.engine;
  results.engine = mixed ? "uring and epoll" : found_.engine;
  results.seconds = std::max(results.seconds, found_.seconds);
  results.requests += found_.requests;
  results.bytes_received += found_.bytes_received;
  results.bytes_sent += found_.bytes_sent;
  results.corrupt += found_.corrupt;
  results.lost += found_.lost;
  results.unanswered += found_.unanswered;
  results.unsent += found_.unsent;
  for (const auto& [kind, count] : found_.errors) results.errors[kind] += count;
  for (const auto& [kind, count] : found_.early_errors) results.early_errors[kind] += count;
  if (!results.first_corruption) results.first_corruption = found_.first_corruption;
  results.latency.add_all(found_.latency);
  results.service.add_all(found_.service);
  results.connect.add_all(found_.connect);
  results.first_service.add_all(found_.first_service);
  results.late_sends.add_all(found_.late_sends);
  results.thread_cpu.push_back(cpu_);
  if (churns()) return;
  for (const Client& client : clients_) results.connections.push_back(client.result);
}

}  // namespace ouro::load
