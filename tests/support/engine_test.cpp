#include "engine_test.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <set>
#include <string_view>

#include "client.h"

namespace ouro::test {
namespace {

constexpr unsigned kTestSecondsMax = 100;  // a ceiling, not an expectation
constexpr int kSetupCall = 425;            // io_uring_setup, the same on every architecture

std::array<char, 512> running_test;

void say_who_hangs(int) {
  constexpr char kWords[] = "killed: the test never ended: ";
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, kWords, sizeof kWords - 1);
  written = ::write(STDERR_FILENO, running_test.data(), std::strlen(running_test.data()));
  written = ::write(STDERR_FILENO, "\n", 1);
  std::abort();
}

// With no parameters the call fails in any case; only the reason tells whether it is there.
bool system_refuses_uring() {
  const long result = syscall(kSetupCall, 0U, nullptr);
  return result < 0 && (errno == EPERM || errno == ENOSYS);
}

EngineCase with(std::string name, EngineChoice engine, void (*turn)(LaboratoryOptions&)) {
  EngineCase engine_case{.name = std::move(name), .engine = engine, .laboratory = {}};
  turn(engine_case.laboratory);
  return engine_case;
}

using Lab = LaboratoryOptions;

void add_uring_variants(std::vector<EngineCase>& cases) {
  const auto add = [&](const char* name, void (*turn)(Lab&)) {
    cases.push_back(with(std::string("uring_") + name, EngineChoice::kUring, turn));
  };
  add("multishot", [](Lab& lab) { lab.receive = ReceiveMode::kMultishot; });
  add("single", [](Lab& lab) { lab.receive = ReceiveMode::kSingle; });
  add("poll_first", [](Lab& lab) { lab.receive = ReceiveMode::kPollFirst; });
  add("cooperative", [](Lab& lab) { lab.task_run = TaskRun::kCooperative; });
  add("no_task_run", [](Lab& lab) { lab.task_run = TaskRun::kNone; });
  add("fixed_files", [](Lab& lab) { lab.fixed_files = true; });
  add("single_accept", [](Lab& lab) { lab.accept = AcceptMode::kSingle; });
  add("multishot_accept", [](Lab& lab) { lab.accept = AcceptMode::kMultishot; });
  add("unrestricted", [](Lab& lab) { lab.restrictions = false; });
  add("zero_copy", [](Lab& lab) { lab.zero_copy = ZeroCopy::kOn; });
  add("submission_thread", [](Lab& lab) {
    lab.submission_thread = true;
    lab.task_run = TaskRun::kNone;  // the kernel does not combine SQPOLL with the others
  });
}

void add_shared_variants(std::vector<EngineCase>& cases, const std::string& prefix,
                         EngineChoice engine) {
  const auto add = [&](const char* name, void (*turn)(Lab&)) {
    cases.push_back(with(prefix + name, engine, turn));
  };
  add("read", [](Lab& lab) { lab.operation = OperationVariant::kRead; });
  add("recvmsg", [](Lab& lab) { lab.operation = OperationVariant::kRecvmsg; });
  add("readv", [](Lab& lab) { lab.operation = OperationVariant::kReadv; });
  add("buffers_4k", [](Lab& lab) { lab.buffer_bytes = 4096; });
  add("buffers_256k", [](Lab& lab) { lab.buffer_bytes = std::size_t{256} << 10; });
  add("buffers_few", [](Lab& lab) {
    lab.buffer_bytes = 4096;
    lab.buffer_count_max = 4;
  });
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const EngineCase& engine_case) {
  return out << engine_case.name;
}

std::vector<EngineCase> engines() {
  return {EngineCase{.name = "uring", .engine = EngineChoice::kUring, .laboratory = {}},
          EngineCase{.name = "epoll", .engine = EngineChoice::kEpoll, .laboratory = {}}};
}

std::vector<EngineCase> engine_variants() {
  std::vector<EngineCase> cases = engines();
  add_uring_variants(cases);
  add_shared_variants(cases, "uring_", EngineChoice::kUring);
  add_shared_variants(cases, "epoll_", EngineChoice::kEpoll);
  return cases;
}

std::vector<EngineCase> engine_lifecycles() {
  const auto differs = [](const EngineCase& engine_case) {
    static const std::set<std::string_view> kNames{"uring",
                                                   "uring_fixed_files",
                                                   "uring_zero_copy",
                                                   "uring_submission_thread",
                                                   "uring_read",
                                                   "uring_single",
                                                   "uring_buffers_few",
                                                   "epoll",
                                                   "epoll_buffers_few"};
    return kNames.contains(engine_case.name);
  };
  std::vector<EngineCase> cases = engine_variants();
  std::erase_if(cases, std::not_fn(differs));
  return cases;
}

std::string name_of(const testing::TestParamInfo<EngineCase>& info) { return info.param.name; }

void EngineTest::SetUp() {
  about_to_try("");
  std::signal(SIGALRM, say_who_hangs);
  alarm(kTestSecondsMax * static_cast<unsigned>(patience()));
  if (is_uring() && system_refuses_uring()) GTEST_SKIP() << "this system refuses io_uring";
  const auto worker = Worker::create(options());
  if (!worker && worker.error().code == Errc::kUnsupported && GetParam().name != "uring") {
    GTEST_SKIP() << worker.error().what;
  }
  ASSERT_TRUE(worker) << worker.error().what;
}

void EngineTest::about_to_try(const std::string& what) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  std::snprintf(running_test.data(), running_test.size(), "%s.%s: %s", info->test_suite_name(),
                info->name(), what.c_str());
}

void EngineTest::TearDown() { alarm(0); }

WorkerOptions EngineTest::options() {
  WorkerOptions options;
  options.engine = GetParam().engine;
  options.laboratory = GetParam().laboratory;
  return options;
}

std::unique_ptr<Worker> EngineTest::make_worker(const WorkerOptions& with) {
  auto worker = Worker::create(with);
  if (!worker) throw ClientError(worker.error().what);
  return std::move(*worker);
}

}  // namespace ouro::test
