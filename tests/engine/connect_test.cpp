// Connections that this side makes: to others, and to itself.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <utility>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

// A socket that listens and never accepts; with `queue` places in its backlog.
class DeafListener {
 public:
  explicit DeafListener(int queue) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const Address any = loopback();
    if (bind(fd_, any.raw(), any.raw_size()) != 0 || listen(fd_, queue) != 0) {
      throw ClientError("cannot listen");
    }
    alignas(8) std::array<char, 128> raw;
    socklen_t size = raw.size();
    getsockname(fd_, reinterpret_cast<sockaddr*>(raw.data()), &size);
    address_ = Address::from_raw(reinterpret_cast<sockaddr*>(raw.data()), size);
  }
  ~DeafListener() { ::close(fd_); }
  DeafListener(const DeafListener&) = delete;
  DeafListener& operator=(const DeafListener&) = delete;

  [[nodiscard]] const Address& address() const { return address_; }

 private:
  int fd_;
  Address address_;
};

class ConnectTest : public EngineTest {
 protected:
  // Connects from a worker on this thread and returns how it ended.
  static Errc outcome_of(const Address& to, std::chrono::milliseconds timeout = kCeiling) {
    CheckedHandler handler;
    Errc outcome = Errc::kNone;
    handler.on_opened = [](Connection& connection) { connection.close(); };
    handler.on_closed = [&](Connection&, Errc reason) { outcome = reason; };
    const auto worker = make_worker();
    if (!worker->connect(to, handler, {.timeout = timeout})) throw ClientError("no socket");
    worker->run();
    EXPECT_EQ(handler.closed_count, 1U);
    EXPECT_EQ(worker->connection_count(), 0U);
    return outcome;
  }
};

// Asks an echo for a long stream, piece by piece.
class Streamer {
 public:
  static constexpr std::size_t kSize = 3'000'000;
  static constexpr std::size_t kPiece = 60'000;

  explicit Streamer(CheckedHandler& handler) {
    handler.on_opened = [this](Connection& connection) { send_piece(connection); };
    handler.on_data = [this](Connection& connection, Buffer buffer) {
      checker_.take(buffer.bytes());
      if (checker_.received() == sent_ && sent_ < kSize) send_piece(connection);
      if (sent_ == kSize) connection.finish();
    };
  }
  [[nodiscard]] const PatternChecker& checker() const { return checker_; }

 private:
  void send_piece(Connection& connection) {
    connection.send(make_pattern(1, sent_, kPiece));
    sent_ += kPiece;
  }

  PatternChecker checker_{1};
  std::size_t sent_ = 0;
};

TEST_P(ConnectTest, what_a_program_sends_arrives_and_comes_back) {
  for (const Address& address : {loopback(), loopback_v6(), fresh_unix_address()}) {
    SCOPED_TRACE(address.to_string());
    CheckedHandler echo;
    CheckedHandler program;
    const Streamer streamer(program);
    const WorkerThread server(options(), echo, address);
    const auto worker = make_worker();
    ASSERT_TRUE(worker->connect(server.address(), program));
    worker->run();
    EXPECT_EQ(program.closed_with(Errc::kNone), 1U);
    EXPECT_EQ(streamer.checker().received(), Streamer::kSize);
    EXPECT_EQ(streamer.checker().mistake(), "");
    EXPECT_EQ(worker->counters().connections_connected.get(), 1U);
  }
}

TEST_P(ConnectTest, who_sends_far_more_than_a_window_at_once_still_hears_what_comes_back) {
  constexpr std::size_t kSize = std::size_t{64} << 20;  // all that lies between them holds less
  const auto bytes = make_pattern(1, 0, kSize);
  for (const bool constant : {false, true}) {
    CheckedHandler echo;
    CheckedHandler program;
    PatternChecker checker(1);
    program.on_opened = [&](Connection& connection) {
      constant ? connection.send_constant(bytes) : connection.send(bytes);
      connection.finish();
    };
    program.on_data = [&](Connection&, Buffer buffer) { checker.take(buffer.bytes()); };
    const WorkerThread server(options(), echo);
    const auto worker = make_worker();
    ASSERT_TRUE(worker->connect(server.address(), program));
    worker->run();
    EXPECT_EQ(checker.received(), kSize);
    EXPECT_EQ(checker.mistake(), "");
  }
}

TEST_P(ConnectTest, sends_made_before_it_is_open_wait_for_it) {
  CheckedHandler echo;
  CheckedHandler program;
  std::string answer;
  program.on_data = [&](Connection& connection, Buffer buffer) {
    answer.append(reinterpret_cast<const char*>(buffer.bytes().data()), buffer.size());
    if (answer.size() == 5) connection.close();
  };
  const WorkerThread server(options(), echo);
  const auto worker = make_worker();
  const auto connection = worker->connect(server.address(), program);
  ASSERT_TRUE(connection);
  (*connection)->send(as_bytes("early"));
  worker->run();
  EXPECT_EQ(answer, "early");
}

TEST_P(ConnectTest, nobody_listening_is_refused) {
  Address nobody;
  {
    const DeafListener closed_again(1);
    nobody = closed_again.address();
  }
  EXPECT_EQ(outcome_of(nobody), Errc::kRefused);
}

TEST_P(ConnectTest, a_unix_path_that_is_not_there_is_not_found) {
  EXPECT_EQ(outcome_of(fresh_unix_address()), Errc::kNotFound);
}

TEST_P(ConnectTest, a_peer_that_does_not_answer_times_out) {
  const DeafListener deaf(0);
  const auto first = TestClient::connect(deaf.address());  // takes the only place
  EXPECT_EQ(outcome_of(deaf.address(), std::chrono::milliseconds(100)), Errc::kTimedOut);
}

TEST_P(ConnectTest, a_connect_may_be_aborted_before_it_is_answered) {
  const DeafListener deaf(0);
  const auto first = TestClient::connect(deaf.address());
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto connection = worker->connect(deaf.address(), handler, {.timeout = kCeiling});
  ASSERT_TRUE(connection);
  worker->turn(std::chrono::nanoseconds(0));
  (*connection)->abort(Errc::kCancelled);
  worker->run();
  EXPECT_EQ(handler.opened_count, 0U);
  EXPECT_EQ(handler.closed_with(Errc::kCancelled), 1U);
}

TEST_P(ConnectTest, a_worker_may_be_destroyed_while_it_connects) {
  const DeafListener deaf(0);
  const auto first = TestClient::connect(deaf.address());
  CheckedHandler handler;
  const auto worker = make_worker();
  ASSERT_TRUE(worker->connect(deaf.address(), handler, {.timeout = kCeiling}));
  worker->turn(std::chrono::nanoseconds(0));
}

TEST_P(ConnectTest, a_worker_may_talk_to_itself_over_a_thousand_connections) {
  constexpr std::uint64_t kCount = 1000;
  CheckedHandler echo;
  CheckedHandler program;
  std::uint64_t answered = 0;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), echo);
  ASSERT_TRUE(listener);
  program.on_opened = [](Connection& connection) { connection.send(as_bytes("ping")); };
  program.on_data = [&](Connection& connection, Buffer buffer) {
    answered += buffer.size();
    connection.finish();
  };
  program.on_closed = [&](Connection&, Errc) {
    if (program.closed_count + 1 == kCount) worker->stop_listening(*listener);
  };
  const Address self = worker->address_of(*listener);
  for (std::uint64_t i = 0; i < kCount; ++i) ASSERT_TRUE(worker->connect(self, program));
  worker->run();
  EXPECT_EQ(program.closed_with(Errc::kNone), kCount);
  EXPECT_EQ(echo.closed_with(Errc::kNone), kCount);
  EXPECT_EQ(answered, 4 * kCount);
}

TEST_P(ConnectTest, both_ends_name_each_other) {
  CheckedHandler echo;
  CheckedHandler program;
  Address accepted_peer;
  Address connected_local;
  Address connected_peer;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), echo);
  ASSERT_TRUE(listener);
  echo.on_opened = [&](Connection& connection) { accepted_peer = connection.peer(); };
  program.on_opened = [&](Connection& connection) {
    connected_local = connection.local();
    connected_peer = connection.peer();
    connection.finish();
  };
  program.on_closed = [&](Connection&, Errc) { worker->stop_listening(*listener); };
  const Address self = worker->address_of(*listener);
  ASSERT_TRUE(worker->connect(self, program));
  worker->run();
  EXPECT_EQ(connected_peer.to_string(), self.to_string());
  EXPECT_EQ(connected_local.to_string(), accepted_peer.to_string());
}

TEST_P(ConnectTest, a_socket_made_elsewhere_is_served) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  CheckedHandler handler;
  const auto worker = make_worker();
  worker->serve(ends[0], handler);
  std::thread client([fd = ends[1]] {
    Exchange exchange;
    exchange.add(TestClient(fd), {.stream = 1, .bytes = 1'000'000});
    exchange.run();
  });
  worker->run();
  client.join();
  EXPECT_EQ(handler.opened_count, 1U);
  EXPECT_EQ(handler.closed_with(Errc::kNone), 1U);
}

TEST_P(ConnectTest, a_socket_served_from_inside_a_call_is_opened_after_it) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  TestClient other(ends[1]);
  CheckedHandler handler;  // which reports opened() inside data()
  handler.on_data = [&, first = true](Connection& connection, Buffer buffer) mutable {
    if (std::exchange(first, false)) connection.worker().serve(ends[0], handler);
    connection.send(std::move(buffer));
  };
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.send_all("one");
  EXPECT_EQ(client.receive_text(3), "one");
  other.send_all("two");
  EXPECT_EQ(other.receive_text(3), "two");
}

TEST_P(ConnectTest, what_is_asked_before_it_is_open_holds_when_it_is) {
  CheckedHandler echo;
  CheckedHandler program;
  program.on_ended = [](Connection&) {};
  const WorkerThread server(options(), echo);
  const auto worker = make_worker();
  Connection* sending = worker->connect(server.address(), program).value();
  sending->send(as_bytes("and that is all"));
  sending->finish();
  Connection* idle = worker->connect(server.address(), program).value();
  idle->set_idle_timeout(std::chrono::milliseconds(20));
  worker->run();
  EXPECT_EQ(program.received_bytes, 15U);
  EXPECT_EQ(program.closed_with(Errc::kNone), 1U);
  EXPECT_EQ(program.closed_with(Errc::kTimedOut), 1U);
}

TEST_P(ConnectTest, a_connection_may_change_its_handler) {
  CheckedHandler second;
  second.on_data = [](Connection& connection, Buffer) { connection.send(as_bytes("second")); };
  // A handler that hands over is not followed to the end, so it is a plain one.
  struct First : Handler {
    explicit First(Handler& next) : next_(next) {}
    void data(Connection& connection, Buffer) override {
      connection.send(as_bytes("first"));
      connection.set_handler(next_);
      next_.opened(connection);  // the tests' handler insists on having been told
    }
    Handler& next_;
  } first(second);
  WorkerThread server(options(), first);
  auto client = server.connect();
  client.send_all("1");
  EXPECT_EQ(client.receive_text(5), "first");
  client.send_all("2");
  EXPECT_EQ(client.receive_text(6), "second");
  client.close();
  EXPECT_TRUE(eventually([&] { return second.closed_with(Errc::kNone) == 1; }));
}

OURO_ON_ENGINES(ConnectTest);

}  // namespace
}  // namespace ouro::test
