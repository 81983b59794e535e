// A load generator for echo servers on this machine, small enough to be read before it is believed.
//
//   echo_client --mode request|stream|churn [--connections N] [--size BYTES] [--window BYTES]
//               [--gbit RATE] [--seconds S] [--rounds N] [--verify] PORT[:PID] [PORT[:PID] ...]
//
// request: one message per connection in flight. stream: as many as the window holds.
// churn: connect, one echo, close, with N such sequences at a time.
//
// All servers are connected from the start and loaded in turn, A B, B A, A B, ... for --seconds
// each. Every window begins and ends with nothing in flight, so the CPU time of one server's
// processes over one window belongs to that window's requests. One JSON object per window goes to
// stdout. Exit: 0, 1 if a byte or a connection was lost, 2 for wrong arguments.
//
// It shares no code with the engine, so what it says is a second opinion.
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

constexpr unsigned kMaxConnections = 20'000;  // for each server
constexpr unsigned kMaxSize = 1u << 20;
constexpr std::uint64_t kStallNs = 5'000'000'000;
constexpr unsigned kSourcePorts = 20'000;  // before another source address is used
constexpr std::uint16_t kBufferGroup = 1;
constexpr unsigned kSmallBuffer = 4 * 1024;
constexpr unsigned kSmallBuffers = 256;

// Single-shot receives take one buffer each, so with one per connection none waits for another's.
// All of them together stay in the cache while the connections are not too many.
constexpr unsigned large_buffer_size(unsigned count) {
  return std::clamp((8u << 20) / count, 4u << 10, 64u << 10);
}

enum class Mode : std::uint8_t { kRequest, kStream, kChurn };
enum class Step : std::uint8_t { kConnect, kSend, kReceive };

struct Server {
  std::uint16_t port = 0;
  int pid = 0;
};

struct Options {
  Mode mode = Mode::kRequest;
  unsigned connections = 64;
  unsigned size = 1024;
  unsigned window = 1024 * 1024;
  double gbit = 0;  // at most so many Gbit/s; 0: no limit
  double seconds = 0.1;
  unsigned rounds = 20;
  bool verify = false;
  std::vector<Server> servers;
};

struct Connection {
  int fd = -1;
  bool sending = false;
  bool lost = false;  // and out for good: what comes late is not another connection's
  std::uint64_t sent = 0;
  std::uint64_t wanted = 0;  // what `sent` reaches when the message under way is out
  std::uint64_t received = 0;
  std::uint64_t received_before = 0;  // at the window's start
  std::uint64_t started_ns = 0;
};

struct Window {
  double seconds = 0;
  double client_cpu_seconds = 0;
  double server_cpu_seconds = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;   // connections lost
  std::uint64_t corrupt = 0;  // receives with a byte that was not sent
  std::vector<std::uint32_t> latency_ns;
};

[[noreturn]] void fail(const char* what, int error) {
  std::fprintf(stderr, "echo_client: %s: %s\n", what, std::strerror(error));
  std::exit(1);
}

std::uint64_t clock_ns(clockid_t which) {
  timespec time{};
  clock_gettime(which, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// CPU time of a process and all below it. Exact while they sleep; a running task's lags a tick.
std::uint64_t cpu_ns(int pid) {
  std::uint64_t total = 0;
  std::error_code gone;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    std::uint64_t ran = 0;
    std::ifstream(task.path() / "schedstat") >> ran;
    total += ran;
    std::ifstream children(task.path() / "children");
    for (int child = 0; children >> child;) total += cpu_ns(child);
  }
  return total;
}

// What every connection sends: one random table, entered at another place by each, so that bytes
// of another connection or from another offset are seen at once.
class Pattern {
 public:
  Pattern() : table_(kPeriod + kMaxSize) {
    std::mt19937 random(1);
    std::generate_n(table_.begin(), kPeriod, [&] { return static_cast<char>(random()); });
    for (std::size_t i = kPeriod; i < table_.size(); ++i) table_[i] = table_[i - kPeriod];
  }
  [[nodiscard]] const char* at(std::size_t connection, std::uint64_t offset) const {
    return table_.data() + (offset + connection * 7919) % kPeriod;
  }

 private:
  static constexpr std::size_t kPeriod = 65'521;
  std::vector<char> table_;
};

class Client {
 public:
  explicit Client(const Options& options);
  Window run(std::size_t server);
  void report(std::size_t server, Window window) const;

 private:
  void open(std::size_t index);
  void open_socket(Connection& connection);
  void start(std::size_t index);
  void pump(std::size_t index);
  void send_rest(std::size_t index);
  void receive(std::size_t index);
  void turn();
  void on_completion(const io_uring_cqe& cqe);
  void on_received(std::size_t index, const io_uring_cqe& cqe);
  void on_message(std::size_t index);
  void finish_churn(std::size_t index);
  void drop(std::size_t index);
  void drop_stalled(std::size_t server);
  io_uring_sqe* sqe(Step step, std::size_t index);
  void give_back(unsigned buffer);

  const Options& options_;
  Pattern pattern_;
  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;
  bool multishot_;
  unsigned buffer_count_;
  unsigned buffer_size_;
  std::vector<char> memory_;
  std::vector<Connection> connections_;  // of all servers, one after the other
  std::uint64_t in_flight_ = 0;          // messages
  std::uint64_t now_ns_ = 0;             // of this turn
  std::uint32_t opened_ = 0;
  bool running_ = false;
  Window window_;  // the present one
};

Client::Client(const Options& options)
    : options_(options),
      multishot_(options.mode == Mode::kRequest && options.size <= kSmallBuffer),
      buffer_count_(multishot_ ? kSmallBuffers : std::bit_ceil(options.connections)),
      buffer_size_(multishot_ ? kSmallBuffer : large_buffer_size(buffer_count_)),
      memory_(std::size_t{buffer_count_} * buffer_size_),
      connections_(options.connections * options.servers.size()) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
  params.cq_entries = 32'768;
  if (int error = io_uring_queue_init_params(1024, &ring_, &params)) fail("io_uring", -error);
  int error = 0;
  buffers_ = io_uring_setup_buf_ring(&ring_, buffer_count_, kBufferGroup, 0, &error);
  if (buffers_ == nullptr) fail("buffer ring", -error);
  for (unsigned i = 0; i < buffer_count_; ++i) give_back(i);
  if (options_.mode == Mode::kChurn) return;
  for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
}

void Client::open_socket(Connection& connection) {
  connection = {};
  connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection.fd < 0) fail("socket", errno);
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(connection.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(0x7f000002 + opened_++ / kSourcePorts % 250);
  if (bind(connection.fd, reinterpret_cast<sockaddr*>(&source), sizeof source) != 0) {
    fail("bind", errno);
  }
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void Client::open(std::size_t index) {
  Connection& connection = connections_[index];
  open_socket(connection);
  const auto address = loopback(options_.servers[index / options_.connections].port);
  if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("connect", errno);
  }
  receive(index);
}

io_uring_sqe* Client::sqe(Step step, std::size_t index) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  sqe->user_data = static_cast<std::uint64_t>(step) << 56 | index;
  return sqe;
}

void Client::give_back(unsigned buffer) {
  io_uring_buf_ring_add(buffers_, memory_.data() + std::size_t{buffer} * buffer_size_, buffer_size_,
                        static_cast<std::uint16_t>(buffer), io_uring_buf_ring_mask(buffer_count_),
                        0);
  io_uring_buf_ring_advance(buffers_, 1);
}

// In churn a window opens the connections, otherwise they wait for it.
void Client::start(std::size_t index) {
  Connection& connection = connections_[index];
  if (connection.lost) return;
  if (options_.mode != Mode::kChurn) return pump(index);
  open_socket(connection);
  connection.started_ns = clock_ns(CLOCK_MONOTONIC);
  connection.wanted = options_.size;
  ++in_flight_;
  auto address = loopback(options_.servers[index / options_.connections].port);
  // The kernel copies the address when it takes the request.
  io_uring_prep_connect(sqe(Step::kConnect, index), connection.fd,
                        reinterpret_cast<sockaddr*>(&address), sizeof address);
  io_uring_submit(&ring_);
}

void Client::pump(std::size_t index) {
  Connection& connection = connections_[index];
  const std::uint64_t window = options_.mode == Mode::kStream ? options_.window : options_.size;
  if (!running_ || connection.sending) return;
  if (connection.sent + options_.size - connection.received > window) return;
  connection.wanted = connection.sent + options_.size;
  if (options_.mode == Mode::kRequest) connection.started_ns = now_ns_;
  ++in_flight_;
  send_rest(index);
}

void Client::send_rest(std::size_t index) {
  Connection& connection = connections_[index];
  io_uring_prep_send(sqe(Step::kSend, index), connection.fd, pattern_.at(index, connection.sent),
                     connection.wanted - connection.sent, MSG_WAITALL | MSG_NOSIGNAL);
  connection.sending = true;
}

void Client::receive(std::size_t index) {
  io_uring_sqe* sqe = this->sqe(Step::kReceive, index);
  if (multishot_) {
    io_uring_prep_recv_multishot(sqe, connections_[index].fd, nullptr, 0, 0);
  } else {
    io_uring_prep_recv(sqe, connections_[index].fd, nullptr, 0, 0);
  }
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
}

void Client::turn() {
  io_uring_cqe* cqe = nullptr;
  __kernel_timespec limit{.tv_sec = 0, .tv_nsec = 10'000'000};
  const int result = io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &limit, nullptr);
  if (result < 0 && result != -ETIME && result != -EINTR) fail("io_uring_enter", -result);
  now_ns_ = clock_ns(CLOCK_MONOTONIC);
  unsigned head = 0;
  unsigned count = 0;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    on_completion(*cqe);
    ++count;
  }
  io_uring_cq_advance(&ring_, count);
}

void Client::on_completion(const io_uring_cqe& cqe) {
  const auto index = static_cast<std::size_t>(cqe.user_data & 0xffff'ffff);
  Connection& connection = connections_[index];
  if (connection.lost) {
    if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) give_back(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    return;
  }
  switch (static_cast<Step>(cqe.user_data >> 56)) {
    case Step::kReceive:
      return on_received(index, cqe);
    case Step::kConnect:
      if (cqe.res < 0) return drop(index);
      receive(index);
      return send_rest(index);
    case Step::kSend:
      connection.sending = false;
      if (cqe.res < 0) return drop(index);
      connection.sent += static_cast<unsigned>(cqe.res);
      if (connection.sent < connection.wanted) return send_rest(index);
      return options_.mode == Mode::kChurn ? finish_churn(index) : pump(index);
  }
}

void Client::on_received(std::size_t index, const io_uring_cqe& cqe) {
  Connection& connection = connections_[index];
  if (cqe.res <= 0 && cqe.res != -ENOBUFS) return drop(index);
  if (cqe.res > 0) {
    const unsigned buffer = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
    const auto size = static_cast<unsigned>(cqe.res);
    const char* data = memory_.data() + std::size_t{buffer} * buffer_size_;
    if (options_.verify && std::memcmp(data, pattern_.at(index, connection.received), size) != 0) {
      ++window_.corrupt;
    }
    give_back(buffer);
    const std::uint64_t before = connection.received / options_.size;
    connection.received += size;
    window_.bytes += size;
    for (auto n = connection.received / options_.size - before; n > 0; --n) on_message(index);
  }
  const bool churned = options_.mode == Mode::kChurn && connection.received >= options_.size;
  if ((cqe.flags & IORING_CQE_F_MORE) == 0 && !churned) receive(index);
  churned ? finish_churn(index) : pump(index);
}

void Client::on_message(std::size_t index) {
  --in_flight_;
  ++window_.requests;
  if (options_.mode == Mode::kStream) return;
  const std::uint64_t took = now_ns_ - std::min(now_ns_, connections_[index].started_ns);
  window_.latency_ns.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(took, ~0u)));
}

void Client::finish_churn(std::size_t index) {
  Connection& connection = connections_[index];
  if (connection.fd < 0 || connection.sending || connection.received < options_.size) return;
  close(connection.fd);
  connection.fd = -1;
  if (running_) start(index);
}

// An error, or the server closed: the connection is out, its messages under way are lost.
void Client::drop(std::size_t index) {
  Connection& connection = connections_[index];
  if (connection.lost) return;
  ++window_.errors;
  in_flight_ -= options_.mode == Mode::kChurn
                    ? 1
                    : connection.wanted / options_.size - connection.received / options_.size;
  shutdown(connection.fd, SHUT_RDWR);
  connection.lost = true;
}

void Client::drop_stalled(std::size_t server) {
  for (unsigned i = 0; i < options_.connections; ++i) {
    const std::size_t index = server * options_.connections + i;
    if (connections_[index].received < connections_[index].wanted) drop(index);
  }
}

Window Client::run(std::size_t server) {
  window_ = {};
  const std::uint64_t server_cpu = cpu_ns(options_.servers[server].pid);
  const std::uint64_t client_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  const std::uint64_t begin = now_ns_ = clock_ns(CLOCK_MONOTONIC);
  const auto end = begin + static_cast<std::uint64_t>(options_.seconds * 1e9);
  running_ = true;
  for (unsigned i = 0; i < options_.connections; ++i) {
    const std::size_t index = server * options_.connections + i;
    connections_[index].received_before = connections_[index].received;
    start(index);
  }
  while (now_ns_ < end) {
    turn();
    while (options_.gbit > 0 && static_cast<double>(window_.bytes) * 8 >
                                    options_.gbit * static_cast<double>(now_ns_ - begin)) {
      usleep(50);
      now_ns_ = clock_ns(CLOCK_MONOTONIC);
    }
  }
  running_ = false;
  while (in_flight_ > 0 && now_ns_ < end + kStallNs) turn();
  if (in_flight_ > 0) drop_stalled(server);
  window_.seconds = static_cast<double>(now_ns_ - begin) / 1e9;
  window_.client_cpu_seconds =
      static_cast<double>(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - client_cpu) / 1e9;
  usleep(2000);  // the server goes to sleep, its CPU time is booked
  window_.server_cpu_seconds =
      static_cast<double>(cpu_ns(options_.servers[server].pid) - server_cpu) / 1e9;
  return std::move(window_);
}

double percentile_us(std::vector<std::uint32_t>& values, double fraction) {
  if (values.empty()) return 0;
  const auto at = values.begin() +
                  static_cast<std::ptrdiff_t>(fraction * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at / 1e3;
}

void Client::report(std::size_t server, Window window) const {
  double sum = 0;
  double squares = 0;
  double least = 1e300;
  double most = 0;
  for (unsigned i = 0; i < options_.connections; ++i) {
    const Connection& connection = connections_[server * options_.connections + i];
    const auto bytes = static_cast<double>(connection.received - connection.received_before);
    sum += bytes;
    squares += bytes * bytes;
    least = std::min(least, bytes);
    most = std::max(most, bytes);
  }
  std::printf(
      "{\"server\":%zu,\"port\":%u,\"seconds\":%.6f,\"requests\":%llu,\"bytes\":%llu,"
      "\"requests_per_second\":%.0f,\"gbit_per_second\":%.3f,\"server_cpu_us_per_request\":%.4f,"
      "\"server_cpu\":%.3f,\"client_cpu\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
      "\"max_us\":%.1f,\"jain\":%.5f,\"min_max\":%.4f,\"errors\":%llu,\"corrupt\":%llu}\n",
      server, options_.servers[server].port, window.seconds,
      static_cast<unsigned long long>(window.requests),
      static_cast<unsigned long long>(window.bytes),
      static_cast<double>(window.requests) / window.seconds,
      static_cast<double>(window.bytes) * 8 / window.seconds / 1e9,
      window.server_cpu_seconds * 1e6 / std::max<double>(1, static_cast<double>(window.requests)),
      window.server_cpu_seconds / window.seconds, window.client_cpu_seconds / window.seconds,
      percentile_us(window.latency_ns, 0.5), percentile_us(window.latency_ns, 0.99),
      percentile_us(window.latency_ns, 1),
      squares > 0 ? sum * sum / (options_.connections * squares) : 0, most > 0 ? least / most : 0,
      static_cast<unsigned long long>(window.errors),
      static_cast<unsigned long long>(window.corrupt));
}

[[noreturn]] void usage(std::string_view wrong) {
  std::fprintf(stderr,
               "echo_client: %.*s\nusage: echo_client --mode request|stream|churn"
               " [--connections N] [--size BYTES] [--window BYTES] [--gbit RATE] [--seconds S]"
               " [--rounds N] [--verify] PORT[:PID] ...\n",
               static_cast<int>(wrong.size()), wrong.data());
  std::exit(2);
}

template <class Number>
Number number(std::string_view text, Number least, Number most) {
  Number value{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size()) usage(text);
  if (value < least || value > most) usage(text);
  return value;
}

Mode mode_of(std::string_view name) {
  if (name == "request") return Mode::kRequest;
  if (name == "stream") return Mode::kStream;
  if (name == "churn") return Mode::kChurn;
  usage(name);
}

Server server_of(std::string_view text) {
  const auto colon = text.find(':');
  Server server{.port = number<std::uint16_t>(text.substr(0, colon), 1, 65535)};
  if (colon != text.npos) server.pid = number(text.substr(colon + 1), 1, 1 << 30);
  return server;
}

Options options_of(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    const auto value = [&] { return std::string_view(++i < count ? arguments[i] : ""); };
    if (name == "--mode")
      options.mode = mode_of(value());
    else if (name == "--connections")
      options.connections = number(value(), 1u, kMaxConnections);
    else if (name == "--size")
      options.size = number(value(), 1u, kMaxSize);
    else if (name == "--window")
      options.window = number(value(), 1u, 1u << 30);
    else if (name == "--gbit")
      options.gbit = number(value(), 0.001, 1000.0);
    else if (name == "--seconds")
      options.seconds = number(value(), 0.001, 3600.0);
    else if (name == "--rounds")
      options.rounds = number(value(), 1u, 1'000'000u);
    else if (name == "--verify")
      options.verify = true;
    else
      options.servers.push_back(server_of(name));
  }
  if (options.servers.empty()) usage("which port?");
  options.window = std::max(options.window, options.size);
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = options_of(count, arguments);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  Client client(options);
  bool clean = true;
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < options.servers.size(); ++i) {
      const std::size_t server = round % 2 == 0 ? i : options.servers.size() - 1 - i;
      const Window window = client.run(server);
      client.report(server, window);
      clean = clean && window.errors == 0 && window.corrupt == 0;
    }
    std::fflush(stdout);
  }
  return clean ? 0 : 1;
}
