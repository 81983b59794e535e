// The public Timer and Watch, on top of the worker's wheel and backend.
#include <algorithm>

#include "engine/worker_loop.h"
#include "ouro/worker.h"

namespace ouro {
namespace detail {

class TimerState final : public engine::TimerNode {
 public:
  TimerState(engine::WorkerLoop& loop, std::function<void()> callback)
      : loop_(loop), callback_(std::move(callback)) {}
  ~TimerState() override { stop(); }

  void start(std::chrono::nanoseconds delay) {
    const auto wait = static_cast<std::uint64_t>(std::max<std::int64_t>(0, delay.count()));
    loop_.timers().start(*this, loop_.now_ns() + wait);
  }
  void stop() noexcept { loop_.timers().stop(*this); }

 private:
  // The callback may destroy the timer, and itself with it: it is run from a copy.
  void expired() override {
    const std::function<void()> callback = callback_;
    callback();
  }

  engine::WorkerLoop& loop_;
  std::function<void()> callback_;
};

class WatchState {
 public:
  WatchState(engine::WorkerLoop& loop, int fd, std::function<void()> readable)
      : loop_(loop),
        readable_(std::make_shared<std::function<void()>>(std::move(readable))),
        number_(loop.add_watch(fd, readable_)) {}
  ~WatchState() { loop_.remove_watch(number_); }
  WatchState(const WatchState&) = delete;
  WatchState& operator=(const WatchState&) = delete;

 private:
  engine::WorkerLoop& loop_;
  std::shared_ptr<std::function<void()>> readable_;
  std::uint32_t number_;
};

}  // namespace detail

namespace {

engine::WorkerLoop& loop_of(Worker& worker) noexcept {
  return static_cast<engine::WorkerLoop&>(worker);
}

}  // namespace

Timer::Timer(Worker& worker, std::function<void()> expired)
    : state_(std::make_unique<detail::TimerState>(loop_of(worker), std::move(expired))) {}
Timer::~Timer() = default;
void Timer::start(std::chrono::nanoseconds delay) { state_->start(delay); }
void Timer::stop() noexcept { state_->stop(); }
bool Timer::running() const noexcept { return state_->running(); }

Watch::Watch(Worker& worker, int fd, std::function<void()> readable)
    : state_(std::make_unique<detail::WatchState>(loop_of(worker), fd, std::move(readable))) {}
Watch::~Watch() = default;

}  // namespace ouro
