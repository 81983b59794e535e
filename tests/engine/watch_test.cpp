// Watches on other descriptors: pipes, events, control sockets.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <utility>

#include "support/engine_test.h"

namespace ouro::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class WatchTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK), 0);
  }
  void TearDown() override {
    for (const int fd : pipe_) ::close(fd);
    EngineTest::TearDown();
  }
  void write_byte() { ASSERT_EQ(::write(pipe_[1], "x", 1), 1); }
  void read_byte() {
    char byte = 0;
    ASSERT_EQ(::read(pipe_[0], &byte, 1), 1);
  }

  std::array<int, 2> pipe_{};
};

TEST_P(WatchTest, it_calls_until_everything_is_read) {
  const auto worker = make_worker();
  int calls = 0;
  std::unique_ptr<Watch> watch;
  watch = std::make_unique<Watch>(*worker, pipe_[0], [&] {
    read_byte();
    if (++calls == 5) watch.reset();
  });
  for (int i = 0; i < 5; ++i) write_byte();
  worker->run();
  EXPECT_EQ(calls, 5);
}

TEST_P(WatchTest, it_calls_again_for_what_comes_later) {
  const auto worker = make_worker();
  int calls = 0;
  Timer again(*worker, [&] { write_byte(); });
  std::unique_ptr<Watch> watch;
  watch = std::make_unique<Watch>(*worker, pipe_[0], [&] {
    read_byte();
    if (++calls == 5) {
      watch.reset();
    } else {
      again.start(milliseconds(2));
    }
  });
  write_byte();
  worker->run();
  EXPECT_EQ(calls, 5);
}

TEST_P(WatchTest, a_destroyed_watch_is_silent_and_its_descriptor_free) {
  const auto worker = make_worker();
  int calls = 0;
  auto first = std::make_unique<Watch>(*worker, pipe_[0], [&] { calls += 100; });
  worker->turn(nanoseconds(0));
  first.reset();
  write_byte();
  std::unique_ptr<Watch> second;
  second = std::make_unique<Watch>(*worker, pipe_[0], [&] {
    read_byte();
    ++calls;
    second.reset();
  });
  worker->run();
  EXPECT_EQ(calls, 1);
}

TEST_P(WatchTest, one_callback_may_destroy_another_that_is_ready_too) {
  const auto worker = make_worker();
  const int event = eventfd(1, EFD_CLOEXEC);
  int calls = 0;
  std::unique_ptr<Watch> left;
  std::unique_ptr<Watch> right;
  const auto end_both = [&] {
    ++calls;
    left.reset();
    right.reset();
  };
  write_byte();
  left = std::make_unique<Watch>(*worker, pipe_[0], end_both);
  right = std::make_unique<Watch>(*worker, event, end_both);
  worker->run();
  EXPECT_EQ(calls, 1);
  ::close(event);
}

TEST_P(WatchTest, the_end_of_a_pipe_is_told_too) {
  const auto worker = make_worker();
  bool told = false;
  std::unique_ptr<Watch> watch;
  watch = std::make_unique<Watch>(*worker, pipe_[0], [&] {
    told = true;
    watch.reset();
  });
  ::close(std::exchange(pipe_[1], -1));
  worker->run();
  EXPECT_TRUE(told);
}

OURO_ON_ENGINES(WatchTest);

}  // namespace
}  // namespace ouro::test
