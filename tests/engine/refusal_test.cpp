// A system that refuses io_uring: epoll takes over and says why, or nothing starts at all.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "support/checked_handler.h"
#include "support/child_process.h"
#include "support/engine_test.h"
#include "support/seccomp_refuse.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

constexpr int kNobody = 65534;

enum Outcome { kAsExpected = 0, kNoWorker, kWrongEngine, kNoReason, kWrongBytes };

WorkerOptions demanding(EngineChoice engine) {
  WorkerOptions options;
  options.engine = engine;
  return options;
}

void refuse_uring() {
  if (!refuse_io_uring(EPERM)) std::abort();
}

// With kAuto here: epoll, a reason in words, and a working echo.
int falls_back_in_words() {
  CheckedHandler handler;
  const auto worker = Worker::create();
  if (!worker) return kNoWorker;
  if (std::string_view((*worker)->engine_name()) != "epoll") return kWrongEngine;
  if ((*worker)->engine_reason().find(' ') == std::string::npos) return kNoReason;
  const auto listener = (*worker)->listen(loopback(), handler);
  if (!listener) return kNoWorker;
  auto client = TestClient::connect((*worker)->address_of(*listener));
  client.send_all("hello");
  while (handler.data_count == 0) (*worker)->turn(std::chrono::milliseconds(10));
  (*worker)->turn(std::chrono::nanoseconds(0));
  return client.receive_text(5) == "hello" ? kAsExpected : kWrongBytes;
}

// With io_uring demanded: a failure in words.
int fails_in_words() {
  const auto worker = Worker::create(demanding(EngineChoice::kUring));
  if (worker) return kWrongEngine;
  if (worker.error().what.find(' ') == std::string::npos) return kNoReason;
  return kAsExpected;
}

// An ordinary user who may not lock any memory.
void become_unprivileged_without_locked_memory() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || setuid(kNobody) != 0) std::abort();
}

TEST(RefusalTest, a_refused_system_call_means_epoll_and_says_so) {
  EXPECT_EQ(run_in_child([] { return refuse_uring(), falls_back_in_words(); }), kAsExpected);
}

TEST(RefusalTest, a_demanded_uring_that_is_refused_fails_with_the_reason) {
  EXPECT_EQ(run_in_child([] { return refuse_uring(), fails_in_words(); }), kAsExpected);
}

TEST(RefusalTest, no_memory_to_lock_is_survived_or_explained) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  const auto attempt = [] {
    become_unprivileged_without_locked_memory();
    const auto demanded = Worker::create(demanding(EngineChoice::kUring));
    if (demanded) return int{kAsExpected};  // this kernel charges nothing
    if (demanded.error().what.find(' ') == std::string::npos) return int{kNoReason};
    return falls_back_in_words();
  };
  EXPECT_EQ(run_in_child(attempt), kAsExpected);
}

TEST(RefusalTest, epoll_asks_for_nothing_that_is_refused) {
  const auto attempt = [] {
    refuse_uring();
    const auto worker = Worker::create(demanding(EngineChoice::kEpoll));
    return worker && (*worker)->engine_reason().empty() ? kAsExpected : kNoWorker;
  };
  EXPECT_EQ(run_in_child(attempt), kAsExpected);
}

}  // namespace
}  // namespace ouro::test
