// Gates of workers that are threads of one process: the same pages, inboxes and sockets as between
// processes, where a thread sanitizer sees them.
#include "host/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "echo/echo.h"
#include "host/listeners.h"
#include "os/fd_passing.h"
#include "support/client.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// The sanitizer keeps a table of descriptors. One that came in a message and that the ring closed
// is still in it when another thread's socket() gets the same number.
extern "C" const char* __tsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:ouro::os::receive_message\n";
}
#endif
#endif

namespace ouro::host {
namespace {

using test::TestClient;

constexpr unsigned kWorkers = 3;

// What the processes of a server share, and what its master would keep.
struct Ground {
  SharedPages pages = *SharedPages::create(kWorkers);
  Inboxes inboxes = *Inboxes::create(kWorkers);
  Listeners listeners = open_listeners();

  static Listeners open_listeners() {
    Listeners listeners;
    EXPECT_TRUE(listeners.change_to({{*Address::parse("127.0.0.1:0"), {}}}, kWorkers));
    return listeners;
  }
};

class GateThread {
 public:
  GateThread(Ground& ground, unsigned self, EngineChoice engine, std::uint64_t limit)
      : ground_(ground), options_{self, limit, 100'000} {
    std::promise<void> ready;
    auto is_ready = ready.get_future();
    thread_ = std::jthread([this, engine, &ready] { main(engine, ready); });
    is_ready.get();
  }
  ~GateThread() {
    worker_->stop();
    stop_has_returned_.set_value();
  }
  GateThread(const GateThread&) = delete;
  GateThread& operator=(const GateThread&) = delete;

 private:
  void main(EngineChoice engine, std::promise<void>& ready) {
    WorkerPage& page = ground_.pages.workers()[options_.self];
    WorkerOptions options;
    options.engine = engine;
    options.counters = &page.counters;
    worker_ = *Worker::create(options);
    serve(page, ready);
    stop_has_returned_.get_future().get();
    worker_ = nullptr;  // a ring ends on the thread that made it
  }

  void serve(WorkerPage& page, std::promise<void>& ready) {
    Gate gate(options_, ground_.pages.workers(), ground_.inboxes, *worker_);
    gate.serve_with(0, handler_);
    worker_->set_admission(&gate);
    gate.open_inbox(options_.self, os::duplicate(ground_.inboxes.receiving_end(options_.self)));
    os::Fd socket = os::duplicate(ground_.listeners.own_sockets(options_.self)[0].fd);
    (void)worker_->listen_on(socket.release(), handler_);
    page.state.store(ChildState::kLive);
    ready.set_value();
    worker_->run();
    page.state.store(ChildState::kDown);
    worker_->set_admission(nullptr);
  }

  Ground& ground_;
  const GateOptions options_;
  echo::EchoHandler handler_;
  std::unique_ptr<Worker> worker_;
  std::promise<void> stop_has_returned_;
  std::jthread thread_;
};

class GateTest : public testing::TestWithParam<EngineChoice> {
 protected:
  void start(std::uint64_t limit) {
    for (unsigned self = 0; self < kWorkers; ++self) {
      threads_.push_back(std::make_unique<GateThread>(ground_, self, GetParam(), limit));
    }
  }
  TestClient connect() { return TestClient::connect(ground_.listeners.addresses()[0]); }
  std::span<WorkerPage> pages() { return ground_.pages.workers(); }

  Ground ground_;
  std::vector<std::unique_ptr<GateThread>> threads_;
};

void check_echo(TestClient& client, const std::string& text) {
  client.send_all(text);
  ASSERT_EQ(client.receive_text(text.size()), text);
}

TEST_P(GateTest, workers_share_what_comes_and_every_connection_is_served) {
  start(0);
  std::vector<TestClient> clients;
  clients.reserve(60);
  for (int i = 0; i < 60; ++i) clients.push_back(connect());
  for (TestClient& client : clients) check_echo(client, "shared");
  for (const WorkerPage& page : pages()) {
    EXPECT_GE(page.claimed.load(), 16u);
    EXPECT_LE(page.claimed.load(), 24u);
  }
  clients.clear();
  EXPECT_TRUE(test::eventually([&] { return total_claimed(pages()) == 0; }));
}

TEST_P(GateTest, who_is_over_the_limit_waits_and_is_served_in_the_end) {
  constexpr std::uint64_t kLimit = 4;
  start(kLimit);
  std::atomic<bool> ending{false};
  // A master looks after words that got lost.
  std::jthread master([&] {
    while (!ending) {
      for (unsigned i = 0; i < kWorkers; ++i) {
        if (pages()[i].waiting.load()) (void)ground_.inboxes.wake(i);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
  });
  std::vector<std::jthread> clients;
  clients.reserve(8);
  std::atomic<int> served{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int round = 0; round < 25; ++round) {
        TestClient client = connect();
        check_echo(client, "one of many");
        ++served;
      }
    });
  }
  clients.clear();
  ending = true;
  EXPECT_EQ(served, 200);
  EXPECT_TRUE(test::eventually([&] { return total_claimed(pages()) == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Engines, GateTest,
                         testing::Values(EngineChoice::kUring, EngineChoice::kEpoll),
                         [](const auto& parameter) {
                           return parameter.param == EngineChoice::kUring ? "uring" : "epoll";
                         });

}  // namespace
}  // namespace ouro::host
