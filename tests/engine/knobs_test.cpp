// Every combination of laboratory knobs either carries bytes correctly or is refused in words.
#include <algorithm>
#include <ranges>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

std::string describe(const LaboratoryOptions& lab) {
  return "receive " + std::to_string(static_cast<int>(lab.receive)) + ", operation " +
         std::to_string(static_cast<int>(lab.operation)) + ", zero copy " +
         std::to_string(static_cast<int>(lab.zero_copy)) + ", task run " +
         std::to_string(static_cast<int>(lab.task_run)) + ", fixed files " +
         std::to_string(lab.fixed_files) + ", submission thread " +
         std::to_string(lab.submission_thread) + ", multishot accept " +
         std::to_string(static_cast<int>(lab.accept)) + ", restrictions " +
         std::to_string(lab.restrictions) + ", buffers " + std::to_string(lab.buffer_bytes);
}

// All values of every knob with all values of every other; the number picks the values.
LaboratoryOptions combination(std::size_t number) {
  const auto pick = [&number](std::size_t values) {
    const std::size_t value = number % values;
    number /= values;
    return value;
  };
  LaboratoryOptions lab;
  lab.receive = static_cast<ReceiveMode>(pick(4));
  lab.operation = static_cast<OperationVariant>(pick(4));
  lab.zero_copy = pick(2) == 0 ? ZeroCopy::kAuto : ZeroCopy::kOn;
  lab.task_run = static_cast<TaskRun>(pick(3));
  lab.fixed_files = pick(2) == 1;
  lab.accept = pick(2) == 1 ? AcceptMode::kMultishot : AcceptMode::kAuto;
  lab.submission_thread = pick(2) == 1;
  // What changes no code path of another knob alternates instead of multiplying.
  lab.restrictions = (number + static_cast<std::size_t>(lab.receive)) % 2 == 0;
  lab.buffer_bytes = static_cast<std::size_t>(lab.operation) % 2 == 0 ? 0 : 4096;
  return lab;
}

constexpr std::size_t kCombinations = 4 * 4 * 2 * 3 * 2 * 2 * 2;

bool reads_as_a_sentence(const Failure& failure) {
  return std::ranges::count(failure.what, ' ') >= 3;
}

// Two clients, one of them with more than a buffer, half-closed at the end.
void short_content_script(const WorkerOptions& options) {
  CheckedHandler handler;
  WorkerThread server(options, handler);
  Exchange exchange;
  exchange.add(server.connect(), {.stream = 1, .bytes = 150'000, .write_max = 70'000});
  // With a tiny receive buffer, loopback drips zero-copy segments by retransmission, as they count
  // with all their pages: right in the end, but not within any ceiling.
  const bool zero_copy = options.laboratory.zero_copy == ZeroCopy::kOn;
  exchange.add(server.connect({.receive_buffer = zero_copy ? 0 : 16384}),
               {.stream = 2, .bytes = 20'000, .write_max = 500, .reading = Reading::kWhenFull});
  exchange.run();
}

class KnobsTest : public EngineTest {};

TEST_P(KnobsTest, every_combination_carries_bytes_or_is_refused_in_words) {
  std::size_t allowed = 0;
  for (std::size_t number = 0; number < kCombinations; ++number) {
    WorkerOptions with = options();
    with.laboratory = combination(number);
    SCOPED_TRACE(describe(with.laboratory));
    about_to_try(describe(with.laboratory));
    const auto worker = Worker::create(with);
    if (!worker) {
      EXPECT_TRUE(reads_as_a_sentence(worker.error())) << worker.error().what;
      continue;
    }
    ++allowed;
    short_content_script(with);
    if (HasFailure()) return;  // the first is enough to read
  }
  RecordProperty("allowed", static_cast<int>(allowed));
  EXPECT_GE(allowed, is_uring() ? 20U : 4U);
}

TEST_P(KnobsTest, what_contradicts_itself_is_refused) {
  const auto refused = [](void (*turn)(LaboratoryOptions&)) {
    WorkerOptions with = options();
    turn(with.laboratory);
    return !Worker::create(with);
  };
  using Lab = LaboratoryOptions;
  EXPECT_TRUE(refused([](Lab& lab) {
    lab.submission_thread = true;
    lab.task_run = TaskRun::kDefer;
  }));
  EXPECT_TRUE(refused([](Lab& lab) {
    lab.receive = ReceiveMode::kMultishot;
    lab.operation = OperationVariant::kReadv;
  }));
  EXPECT_TRUE(refused([](Lab& lab) {
    lab.zero_copy = ZeroCopy::kOn;
    lab.operation = OperationVariant::kRead;
  }));
  EXPECT_TRUE(refused([](Lab& lab) { lab.buffer_bytes = 1; }));
}

TEST_P(KnobsTest, epoll_refuses_what_only_uring_can) {
  if (is_uring()) GTEST_SKIP() << "about the other engine";
  using Lab = LaboratoryOptions;
  for (auto* turn :
       {+[](Lab& lab) { lab.fixed_files = true; }, +[](Lab& lab) { lab.submission_thread = true; },
        +[](Lab& lab) { lab.accept = AcceptMode::kMultishot; },
        +[](Lab& lab) { lab.receive = ReceiveMode::kMultishot; },
        +[](Lab& lab) { lab.task_run = TaskRun::kCooperative; }}) {
    WorkerOptions with = options();
    turn(with.laboratory);
    const auto worker = Worker::create(with);
    ASSERT_FALSE(worker) << describe(with.laboratory);
    EXPECT_TRUE(reads_as_a_sentence(worker.error())) << worker.error().what;
    EXPECT_EQ(worker.error().code, Errc::kUnsupported);
  }
}

TEST_P(KnobsTest, zero_copy_sends_without_a_copy_or_says_that_the_kernel_copied) {
  WorkerOptions with = options();
  with.laboratory.zero_copy = ZeroCopy::kOn;
  if (const auto worker = Worker::create(with); !worker) {
    GTEST_SKIP() << worker.error().what;
  }
  CheckedHandler handler;
  WorkerThread server(with, handler);
  Exchange exchange;
  for (std::uint64_t i = 0; i < 30; ++i) {
    exchange.add(server.connect(), {.stream = i,
                                    .bytes = 2'000'000,
                                    .reading = i % 3 == 0 ? Reading::kWhenFull : Reading::kEager,
                                    .finish = i % 5 == 0 ? Finish::kReset : Finish::kHalfClose});
  }
  exchange.run();
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 30; }));
  server.stop();
  EXPECT_GT(server.counters().zero_copy_sends.get(), 0U);
  EXPECT_LE(server.counters().zero_copy_copied.get(), server.counters().zero_copy_sends.get());
  EXPECT_EQ(server.counters().unsent_bytes.get(), 0U);
}

TEST_P(KnobsTest, zero_copy_leaves_alone_what_cannot_do_without_a_copy) {
  WorkerOptions with = options();
  with.laboratory.zero_copy = ZeroCopy::kOn;
  if (const auto worker = Worker::create(with); !worker) GTEST_SKIP() << worker.error().what;
  CheckedHandler handler;
  const WorkerThread server(with, handler, fresh_unix_address());
  run_stream(server.address(), {.stream = 1, .bytes = 1'000'000});
}

OURO_ON_ENGINES(KnobsTest);

}  // namespace
}  // namespace ouro::test
