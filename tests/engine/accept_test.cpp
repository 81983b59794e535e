// Listening, accepting, and the seam where a program decides who is served.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

// A listening socket made elsewhere, of which several workers may have a descriptor.
class BoundSocket {
 public:
  BoundSocket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const Address any = loopback();
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    auto* place = reinterpret_cast<sockaddr*>(&raw);
    if (bind(fd_, any.raw(), any.raw_size()) != 0 || listen(fd_, 1000) != 0 ||
        getsockname(fd_, place, &size) != 0) {
      throw ClientError("cannot listen");
    }
    address_ = Address::from_raw(place, size);
  }
  ~BoundSocket() { ::close(fd_); }
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;

  [[nodiscard]] int duplicate() const { return fcntl(fd_, F_DUPFD_CLOEXEC, 0); }
  [[nodiscard]] const Address& address() const { return address_; }

 private:
  int fd_;
  Address address_;
};

class AcceptTest : public EngineTest {};

TEST_P(AcceptTest, an_address_in_use_is_refused_in_words) {
  CheckedHandler handler;
  const WorkerThread server(options(), handler);
  const auto worker = make_worker();
  const auto second = worker->listen(server.address(), handler);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kAddressInUse);
  EXPECT_NE(second.error().what.find(server.address().to_string()), std::string::npos)
      << second.error().what;
}

TEST_P(AcceptTest, an_address_in_use_is_refused_even_when_ports_are_shared) {
  const ListenOptions shared{.reuse_port = true};
  CheckedHandler handler;
  const WorkerThread server(options(), handler, loopback(), shared);
  const auto worker = make_worker();
  const auto probing = worker->listen(server.address(), handler, shared);
  ASSERT_FALSE(probing) << "it would silently take half the connections";
  EXPECT_EQ(probing.error().code, Errc::kAddressInUse);
  const ListenOptions sibling{.reuse_port = true, .probe = false};
  EXPECT_TRUE(worker->listen(server.address(), handler, sibling));
}

TEST_P(AcceptTest, a_unix_path_in_use_is_refused_and_a_stale_one_is_taken) {
  CheckedHandler handler;
  const Address path = fresh_unix_address();
  {
    const WorkerThread server(options(), handler, path);
    const auto worker = make_worker();
    const auto second = worker->listen(path, handler);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::kAddressInUse);
    run_stream(path, {.stream = 1, .bytes = 1000});
  }
  const int stale = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(stale, path.raw(), path.raw_size()), 0);
  ::close(stale);  // the file stays, as after a crash
  const WorkerThread server(options(), handler, path);
  run_stream(path, {.stream = 2, .bytes = 1000});
}

TEST_P(AcceptTest, a_unix_socket_has_the_permissions_asked_for) {
  CheckedHandler handler;
  const WorkerThread server(options(), handler, fresh_unix_address(), {.unix_mode = 0600});
  struct stat info{};
  ASSERT_EQ(stat(server.address().path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_P(AcceptTest, an_address_that_is_not_ours_is_refused_in_words) {
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto listener = worker->listen(Address::parse("192.0.2.1:7").value(), handler);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::kBadAddress);
  EXPECT_NE(listener.error().what.find("192.0.2.1:7"), std::string::npos) << listener.error().what;
}

TEST_P(AcceptTest, nobody_listens_after_stop_listening_and_the_port_is_free) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto stays = server.connect();
  stays.send_all("a");
  (void)stays.receive_exactly(1);
  server.on_worker([&](Worker& worker) { worker.stop_listening(server.listener()); });
  EXPECT_TRUE(eventually([&] {  // closing may take a turn more
    try {
      (void)server.connect();
      return false;
    } catch (const ClientError&) {
      return true;
    }
  }));
  stays.send_all("b");
  EXPECT_EQ(stays.receive_text(1), "b");
  const auto worker = make_worker();
  EXPECT_TRUE(worker->listen(server.address(), handler));
}

TEST_P(AcceptTest, one_worker_serves_several_listeners_with_their_own_handlers) {
  CheckedHandler echo;
  CheckedHandler greeter;
  greeter.on_opened = [](Connection& connection) {
    connection.send(as_bytes("good day"));
    connection.finish();
  };
  WorkerThread server(options(), echo);
  Address second;
  server.on_worker([&](Worker& worker) {
    second = worker.address_of(worker.listen(loopback_v6(), greeter).value());
  });
  EXPECT_EQ(TestClient::connect(second).receive_until_end().size(), 8U);
  run_stream(server.address(), {.stream = 1, .bytes = 1000});
  EXPECT_EQ(greeter.opened_count, 1U);
  EXPECT_EQ(echo.opened_count, 1U);
}

TEST_P(AcceptTest, a_limit_on_connections_leaves_the_rest_waiting_until_some_go) {
  WorkerOptions with = options();
  with.connections_max = 10;
  CheckedHandler handler;
  WorkerThread server(with, handler);
  std::vector<TestClient> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(server.connect());
    clients.back().send_all("hello");
  }
  ASSERT_TRUE(eventually([&] { return handler.data_count == 10; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(handler.opened_count, 10U);
  EXPECT_GE(server.counters().accept_pauses.get(), 1U);

  for (auto& client : clients) {  // in the order of arrival: each that goes lets one in
    EXPECT_EQ(client.receive_text(5), "hello");
    client.close();
  }
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 30; }));
}

TEST_P(AcceptTest, a_socket_may_be_served_by_two_workers) {
  CheckedHandler own_handler;
  CheckedHandler shared_handler;
  const BoundSocket socket;
  WorkerThread own(options(), own_handler);
  WorkerThread shared(options(), shared_handler);
  own.on_worker([&](Worker& worker) { (void)worker.listen_on(socket.duplicate(), own_handler); });
  shared.on_worker(
      [&](Worker& worker) { (void)worker.listen_on(socket.duplicate(), shared_handler); });
  for (std::uint64_t i = 0; i < 200; ++i) run_stream(socket.address(), {.stream = i, .bytes = 100});
  EXPECT_TRUE(
      eventually([&] { return own_handler.closed_count + shared_handler.closed_count == 200; }));
}

TEST_P(AcceptTest, a_stuck_worker_does_not_keep_others_from_its_socket) {
  CheckedHandler stuck_handler;
  CheckedHandler live_handler;
  const BoundSocket socket;
  // It has begun to accept, and then takes no turn any more.
  const auto stuck = make_worker();
  (void)stuck->listen_on(socket.duplicate(), stuck_handler);
  stuck->turn(std::chrono::nanoseconds(0));
  stuck->turn(std::chrono::nanoseconds(0));

  WorkerThread live(options(), live_handler);
  live.on_worker([&](Worker& worker) { (void)worker.listen_on(socket.duplicate(), live_handler); });
  std::vector<TestClient> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(TestClient::connect(socket.address()));
    clients.back().send_all("anyone?");
  }
  for (auto& client : clients) EXPECT_EQ(client.receive_text(7), "anyone?");
}

TEST_P(AcceptTest, a_listener_may_be_stopped_by_the_first_connection_it_brings) {
  WorkerOptions with = options();
  with.connections_max = 1;  // one accept under way, so that none is left at the stop
  CheckedHandler handler;
  const auto worker = make_worker(with);
  const BoundSocket socket;
  Listener* listener = worker->listen_on(socket.duplicate(), handler);
  handler.on_opened = [&](Connection&) { worker->stop_listening(listener); };
  std::thread client([&] { run_stream(socket.address(), {.stream = 1, .bytes = 100'000}); });
  worker->run();
  client.join();
  EXPECT_EQ(handler.closed_with(Errc::kNone), 1U);
}

TEST_P(AcceptTest, workers_with_a_socket_each_share_one_port) {
  const ListenOptions first{.reuse_port = true};
  const ListenOptions sibling{.reuse_port = true, .probe = false};
  CheckedHandler handlers[2];
  WorkerThread one(options(), handlers[0], loopback(), first);
  WorkerThread two(options(), handlers[1], one.address(), sibling);
  for (std::uint64_t i = 0; i < 64; ++i) run_stream(one.address(), {.stream = i, .bytes = 1000});
  EXPECT_TRUE(
      eventually([&] { return handlers[0].closed_count + handlers[1].closed_count == 64; }));
  EXPECT_GT(handlers[0].opened_count, 0U);
  EXPECT_GT(handlers[1].opened_count, 0U);
}

// Reads socket options of what was accepted, where a program gets to see the descriptor.
class OptionReader final : public Admission {
 public:
  Verdict admit(int fd, Handler&) override {
    no_delay = read(fd, IPPROTO_TCP, TCP_NODELAY);
    keepalive = read(fd, SOL_SOCKET, SO_KEEPALIVE);
    keepalive_idle = read(fd, IPPROTO_TCP, TCP_KEEPIDLE);
    user_timeout = read(fd, IPPROTO_TCP, TCP_USER_TIMEOUT);
    done = true;
    return Verdict::kServe;
  }
  void left() override {}

  int no_delay = -1, keepalive = -1, keepalive_idle = -1, user_timeout = -1;
  std::atomic<bool> done{false};

 private:
  static int read(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
  }
};

TEST_P(AcceptTest, every_accepted_connection_has_the_options_of_its_listener) {
  OptionReader reader;
  CheckedHandler handler;
  const ListenOptions wishes{.keepalive_idle = std::chrono::seconds(77),
                             .user_timeout = std::chrono::milliseconds(12345)};
  WorkerThread server(options(), handler, loopback(), wishes);
  server.on_worker([&](Worker& worker) { worker.set_admission(&reader); });
  const auto client = server.connect();
  ASSERT_TRUE(eventually([&] { return reader.done.load(); }));
  server.stop();
  EXPECT_NE(reader.no_delay, 0) << "small answers would wait for others";
  EXPECT_NE(reader.keepalive, 0);
  EXPECT_EQ(reader.keepalive_idle, 77);
  EXPECT_EQ(reader.user_timeout, 12345);
}

// In the kernel's list of what is ready a listener stands behind all that became ready before.
TEST_P(AcceptTest, newcomers_do_not_wait_behind_a_crowd_of_busy_ones) {
  constexpr int kBusy = 600;
  constexpr int kNewcomers = 256;
  CheckedHandler handler;
  WorkerOptions small = options();
  small.window_bytes = 1;  // a byte at a time: each of them is ready again at once
  const auto worker = make_worker(small);
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  const Address address = worker->address_of(*listener);
  std::vector<TestClient> busy;
  while (handler.opened_count < kBusy) {
    if (busy.size() < kBusy) busy.push_back(TestClient::connect(address));
    worker->turn(std::chrono::milliseconds{0});
  }
  std::vector<TestClient> newcomers;
  for (int i = 0; i < kNewcomers; ++i) newcomers.push_back(TestClient::connect(address));
  int turns = 0;
  for (; handler.opened_count < kBusy + kNewcomers; ++turns) {
    ASSERT_LT(turns, 100);
    for (TestClient& client : busy) client.send_all("four");
    worker->turn(std::chrono::milliseconds{0});
  }
  EXPECT_LE(turns, kNewcomers / 16 + 4) << "sixteen in a turn, and a few turns to notice";
}

// As when a worker looks after the sockets of another that stands still from time to time.
TEST_P(AcceptTest, a_socket_that_others_hold_open_can_be_listened_on_again_and_again) {
  const BoundSocket socket;
  CheckedHandler handler;
  CheckedHandler unused;
  WorkerThread server(options(), unused);
  for (int i = 0; i < 5; ++i) {
    Listener* listener = nullptr;
    server.on_worker(
        [&](Worker& worker) { listener = worker.listen_on(socket.duplicate(), handler); });
    TestClient client = TestClient::connect(socket.address());
    client.send_all("hello");
    EXPECT_EQ(client.receive_text(5), "hello") << "time " << i;
    client.half_close();
    EXPECT_TRUE(client.receive_until_end().empty());
    server.on_worker([&](Worker& worker) { worker.stop_listening(listener); });
  }
  // And it does not wake us any more.
  const auto waiting = TestClient::connect(socket.address());
  server.on_worker([](Worker&) {});
  const std::uint64_t before = server.counters().turns.get();
  std::this_thread::sleep_for(std::chrono::milliseconds{100});
  EXPECT_LE(server.counters().turns.get() - before, 10u);
  EXPECT_EQ(server.counters().accept_errors.get(), 0u);
}

OURO_ON_ENGINES(AcceptTest);

}  // namespace
}  // namespace ouro::test
