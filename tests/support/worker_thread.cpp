#include "worker_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>

namespace ouro::test {

Address loopback() { return Address::parse("127.0.0.1:0").value(); }

Address loopback_v6() { return Address::parse("[::1]:0").value(); }

Address fresh_unix_address() {
  static std::atomic<int> count{0};
  const std::string path =
      "/tmp/ouro-test-" + std::to_string(getpid()) + "-" + std::to_string(count++) + ".sock";
  return Address::parse("unix:" + path).value();
}

WorkerThread::WorkerThread(const WorkerOptions& options, Handler& handler, const Address& listen_on,
                           const ListenOptions& listen_options)
    : event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  WorkerOptions mine = options;
  if (mine.counters == nullptr) mine.counters = &counters_;
  auto ready = ready_.get_future();
  thread_ = std::thread([this, mine, &handler, listen_on, listen_options] {
    main(mine, handler, listen_on, listen_options);
  });
  try {
    ready.get();
  } catch (...) {
    thread_.join();
    ::close(event_fd_);
    throw;
  }
}

WorkerThread::~WorkerThread() {
  stop();
  ::close(event_fd_);
  if (address_.is_unix()) unlink(address_.path().c_str());
}

void WorkerThread::main(WorkerOptions options, Handler& handler, Address listen_on,
                        ListenOptions listen_options) {
  auto worker = Worker::create(options);
  if (!worker) {
    ready_.set_exception(std::make_exception_ptr(ClientError(worker.error().what)));
    return;
  }
  auto listener = (*worker)->listen(listen_on, handler, listen_options);
  if (!listener) {
    ready_.set_exception(std::make_exception_ptr(ClientError(listener.error().what)));
    return;
  }
  const Watch watch(**worker, event_fd_, [this] { run_commands(); });
  worker_ = worker->get();
  listener_ = *listener;
  address_ = worker_->address_of(listener_);
  ready_.set_value();
  worker_->run();
  has_stopped_ = true;
  released_.get_future().wait();
}

void WorkerThread::run_commands() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(event_fd_, &count, sizeof count);
  std::vector<std::packaged_task<void()>> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (auto& command : commands) command();
}

void WorkerThread::on_worker(std::function<void(Worker&)> command) {
  std::packaged_task<void()> task([this, run = std::move(command)] { run(*worker_); });
  auto done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  if (::write(event_fd_, &one, sizeof one) != sizeof one) throw ClientError("cannot wake a worker");
  if (done.wait_for(kCeiling) != std::future_status::ready) {
    throw ClientError("the worker did not come to run a command");
  }
  done.get();
}

void WorkerThread::stop() {
  if (!thread_.joinable()) return;
  worker_->stop();
  released_.set_value();
  thread_.join();
}

}  // namespace ouro::test
