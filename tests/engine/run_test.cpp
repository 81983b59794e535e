// When run() returns, and who may make it return.
#include <pthread.h>

#include <atomic>
#include <csignal>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class RunTest : public EngineTest {};

std::atomic<Worker*> worker_to_stop{nullptr};

TEST_P(RunTest, it_returns_at_once_when_there_is_nothing_to_do) { make_worker()->run(); }

TEST_P(RunTest, it_returns_when_the_last_thing_is_gone) {
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  handler.on_closed = [&](Connection&, Errc) { worker->stop_listening(*listener); };
  const Address address = worker->address_of(*listener);
  std::thread client([&] { run_stream(address, {.stream = 1, .bytes = 100'000}); });
  worker->run();
  client.join();
  EXPECT_EQ(handler.closed_count, 1U);
}

TEST_P(RunTest, it_goes_on_with_connections_when_no_listener_is_left) {
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  handler.on_opened = [&](Connection&) { worker->stop_listening(*listener); };
  const Address address = worker->address_of(*listener);
  std::thread client([&] { run_stream(address, {.stream = 1, .bytes = 1'000'000}); });
  worker->run();
  client.join();
  EXPECT_EQ(handler.closed_with(Errc::kNone), 1U);
}

TEST_P(RunTest, another_thread_may_stop_it) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.send_all("x");
  (void)client.receive_exactly(1);
  std::thread stopper([&] { server.ask_to_stop(); });
  stopper.join();
  EXPECT_TRUE(eventually([&] { return server.has_stopped(); }));
}

TEST_P(RunTest, many_threads_may_stop_it_at_once) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  std::vector<std::thread> stoppers;
  for (int i = 0; i < 8; ++i) {
    stoppers.emplace_back([&] {
      for (int j = 0; j < 100; ++j) server.ask_to_stop();
    });
  }
  for (auto& stopper : stoppers) stopper.join();
  EXPECT_TRUE(eventually([&] { return server.has_stopped(); }));
}

TEST_P(RunTest, a_signal_handler_may_stop_it) {
  CheckedHandler handler;
  const auto worker = make_worker();
  ASSERT_TRUE(worker->listen(loopback(), handler));
  worker_to_stop = worker.get();
  const auto before = std::signal(SIGUSR1, [](int) { worker_to_stop.load()->stop(); });
  Timer signal(*worker, [] { raise(SIGUSR1); });
  signal.start(milliseconds(1));
  worker->run();
  std::signal(SIGUSR1, before);
}

TEST_P(RunTest, a_signal_that_interrupts_the_wait_stops_it_too) {
  CheckedHandler handler;
  const auto worker = make_worker();
  ASSERT_TRUE(worker->listen(loopback(), handler));
  worker_to_stop = worker.get();
  const auto before = std::signal(SIGUSR1, [](int) { worker_to_stop.load()->stop(); });
  std::thread sender([&, me = pthread_self()] {
    std::this_thread::sleep_for(milliseconds(100));  // by now it waits, most likely
    pthread_kill(me, SIGUSR1);
  });
  worker->run();
  sender.join();
  std::signal(SIGUSR1, before);
}

TEST_P(RunTest, signals_that_mean_nothing_disturb_nothing) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  std::signal(SIGUSR2, [](int) {});  // for good: the last one may come late
  pthread_t worker_thread{};
  server.on_worker([&](Worker&) { worker_thread = pthread_self(); });
  std::atomic<bool> done{false};
  std::thread noise([&] {
    while (!done) {
      pthread_kill(worker_thread, SIGUSR2);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  });
  run_stream(server.address(), {.stream = 1, .bytes = 8'000'000});
  done = true;
  noise.join();
}

TEST_P(RunTest, a_handler_may_stop_it) {
  CheckedHandler handler;
  handler.on_data = [](Connection& connection, Buffer) { connection.worker().stop(); };
  WorkerThread server(options(), handler);
  auto client = server.connect();
  client.send_all("stop");
  EXPECT_TRUE(eventually([&] { return server.has_stopped(); }));
}

TEST_P(RunTest, a_stop_before_run_is_not_forgotten) {
  CheckedHandler handler;
  const auto worker = make_worker();
  ASSERT_TRUE(worker->listen(loopback(), handler));
  worker->stop();
  worker->run();
}

TEST_P(RunTest, it_may_run_again_after_a_stop) {
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  Timer stop(*worker, [&] { worker->stop(); });
  stop.start(milliseconds(1));
  worker->run();
  const Address address = worker->address_of(*listener);
  handler.on_closed = [&](Connection&, Errc) { worker->stop(); };
  std::thread client([&] { run_stream(address, {.stream = 1, .bytes = 100'000}); });
  worker->run();
  client.join();
  EXPECT_EQ(handler.closed_with(Errc::kNone), 1U);
}

TEST_P(RunTest, a_turn_with_nothing_to_wait_for_comes_back) {
  const auto worker = make_worker();
  for (int i = 0; i < 100; ++i) worker->turn(nanoseconds(0));
  worker->turn(milliseconds(1));
  EXPECT_EQ(worker->counters().turns.get(), 101U);
}

TEST_P(RunTest, turns_alone_serve_a_client) {
  CheckedHandler handler;
  const auto worker = make_worker();
  const auto listener = worker->listen(loopback(), handler);
  ASSERT_TRUE(listener);
  const Address address = worker->address_of(*listener);
  std::thread client([&] { run_stream(address, {.stream = 1, .bytes = 300'000}); });
  while (handler.closed_count == 0) worker->turn(milliseconds(10));
  worker->turn(nanoseconds(0));  // what a turn asked for is handed over in the next
  client.join();
  EXPECT_EQ(worker->connection_count(), 0U);
}

TEST_P(RunTest, it_says_which_engine_it_is) {
  const auto worker = make_worker();
  EXPECT_STREQ(worker->engine_name(), is_uring() ? "uring" : "epoll");
  EXPECT_EQ(worker->engine_reason(), "");
  EXPECT_GT(worker->now_ns(), 0U);
}

OURO_ON_ENGINES(RunTest);

}  // namespace
}  // namespace ouro::test
