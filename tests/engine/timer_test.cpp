// Timers: never early, never twice, and safe to stop, restart or destroy anywhere.
#include <memory>
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class TimerTest : public EngineTest {};

TEST_P(TimerTest, timers_fire_in_the_order_of_their_deadlines) {
  const auto worker = make_worker();
  std::vector<int> order;
  Timer third(*worker, [&] { order.push_back(3); });
  Timer first(*worker, [&] { order.push_back(1); });
  Timer second(*worker, [&] { order.push_back(2); });
  third.start(milliseconds(60));
  second.start(milliseconds(30));
  first.start(milliseconds(1));
  worker->run();  // which ends when no timer is left
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_FALSE(first.running());
}

TEST_P(TimerTest, no_timer_fires_early_and_all_fire_once) {
  constexpr std::size_t kCount = 5000;
  const auto worker = make_worker();
  Random random(1);
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<int> fired(kCount, 0);
  std::size_t early = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const nanoseconds delay = microseconds(random.size_to(300'000));
    const std::uint64_t due = worker->now_ns() + static_cast<std::uint64_t>(delay.count());
    timers.push_back(std::make_unique<Timer>(*worker, [&, i, due] {
      ++fired[i];
      if (worker->now_ns() < due) ++early;
    }));
    timers.back()->start(delay);
  }
  worker->run();
  EXPECT_EQ(early, 0U);
  EXPECT_EQ(fired, std::vector(kCount, 1));
}

TEST_P(TimerTest, a_restart_moves_the_deadline) {
  const auto worker = make_worker();
  std::vector<char> order;
  Timer moved(*worker, [&] { order.push_back('m'); });
  Timer fixed(*worker, [&] { order.push_back('f'); });
  moved.start(milliseconds(1));
  fixed.start(milliseconds(30));
  moved.start(milliseconds(60));
  worker->run();
  EXPECT_EQ(order, (std::vector{'f', 'm'}));
}

TEST_P(TimerTest, a_restart_may_bring_the_deadline_nearer) {
  const auto worker = make_worker();
  bool fired = false;
  Timer timer(*worker, [&] { fired = true; });
  timer.start(hours(100));
  timer.start(milliseconds(1));
  worker->run();
  EXPECT_TRUE(fired);
}

TEST_P(TimerTest, a_stopped_timer_does_not_fire) {
  const auto worker = make_worker();
  bool fired = false;
  Timer stopped(*worker, [&] { fired = true; });
  Timer other(*worker, [] {});
  stopped.start(milliseconds(1));
  other.start(milliseconds(20));
  stopped.stop();
  stopped.stop();
  EXPECT_FALSE(stopped.running());
  worker->run();
  EXPECT_FALSE(fired);
}

TEST_P(TimerTest, one_callback_may_stop_or_destroy_another_due_at_the_same_time) {
  const auto worker = make_worker();
  int fired = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 10; ++i) {
    timers.push_back(std::make_unique<Timer>(*worker, [&, i] {
      ++fired;
      for (int j = 0; j < 10; ++j) {  // whoever comes first ends all the others
        if (j != i && j % 2 == 0) timers[static_cast<std::size_t>(j)]->stop();
        if (j != i && j % 2 == 1) timers[static_cast<std::size_t>(j)].reset();
      }
    }));
    timers.back()->start(milliseconds(5));
  }
  worker->run();
  EXPECT_EQ(fired, 1);
}

TEST_P(TimerTest, a_timer_may_destroy_itself_while_it_fires) {
  const auto worker = make_worker();
  bool fired = false;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(*worker, [&] {
    timer.reset();
    fired = true;
  });
  timer->start(milliseconds(1));
  worker->run();
  EXPECT_TRUE(fired);
}

TEST_P(TimerTest, a_timer_may_start_itself_again_while_it_fires) {
  const auto worker = make_worker();
  int fired = 0;
  Timer timer(*worker, [&] {
    EXPECT_FALSE(timer.running());
    if (++fired < 20) timer.start(microseconds(100));
  });
  timer.start(nanoseconds(0));
  EXPECT_EQ(fired, 0) << "never from inside start()";
  worker->run();
  EXPECT_EQ(fired, 20);
}

TEST_P(TimerTest, a_timer_that_always_restarts_starves_nobody) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  std::unique_ptr<Timer> busy;
  server.on_worker([&](Worker& worker) {
    busy = std::make_unique<Timer>(worker, [&] { busy->start(nanoseconds(0)); });
    busy->start(nanoseconds(0));
  });
  run_stream(server.address(), {.stream = 1, .bytes = 1'000'000});
  server.on_worker([&](Worker&) { busy.reset(); });
}

TEST_P(TimerTest, a_distant_deadline_neither_fires_nor_wakes_the_worker) {
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  std::vector<std::unique_ptr<Timer>> timers;
  std::atomic<int> fired{0};
  server.on_worker([&](Worker& worker) {
    for (const auto delay : {hours(1), hours(24), hours(24 * 50), hours(24 * 365 * 100)}) {
      timers.push_back(std::make_unique<Timer>(worker, [&] { ++fired; }));
      timers.back()->start(delay);
    }
  });
  const std::uint64_t before = server.counters().turns.get();
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_LT(server.counters().turns.get() - before, 50U);
  EXPECT_EQ(fired, 0);
  server.on_worker([&](Worker&) { timers.clear(); });
}

TEST_P(TimerTest, the_longest_delay_there_is_does_not_overflow) {
  const auto worker = make_worker();
  bool fired = false;
  Timer endless(*worker, [&] { fired = true; });
  endless.start(nanoseconds::max());
  Timer end(*worker, [&] { endless.stop(); });
  end.start(milliseconds(10));
  worker->run();
  EXPECT_FALSE(fired);
}

OURO_ON_ENGINES(TimerTest);

}  // namespace
}  // namespace ouro::test
