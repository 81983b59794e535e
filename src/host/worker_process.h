// A worker: one process, one engine, the connections of one core. Born by fork; ends when it has
// drained, when the master dies, or by force.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "host/child.h"
#include "host/gate.h"
#include "ouro/worker.h"

namespace ouro::host {

class WorkerProcess {
 public:
  explicit WorkerProcess(WorkerStart start);

  [[nodiscard]] int run();

 private:
  // The sockets of one worker: this one, or one that is down or hung and looked after meanwhile. A
  // listener may have several; what is told twice is known by the socket's cookie.
  using Listening = std::map<std::pair<ListenerId, std::uint64_t>, Listener*>;

  [[nodiscard]] Result<void> make_engine(EngineChoice engine);
  // All workers take the same engine: the master hears what this one got, and decides.
  [[nodiscard]] Result<bool> agree_on_engine();
  void serve();
  void listen(Listening& into, ListenerId listener, os::Fd socket);
  void listen_to_all(Listening& into, std::string_view listeners, std::vector<os::Fd> fds);

  void control_readable();
  void obey(ReceivedMessage& message);
  void adopt(unsigned worker, std::string_view listeners, std::vector<os::Fd> fds);
  void release(unsigned worker);
  void stop_listening(std::string_view listeners);
  void reconfigure(int fd, std::size_t size);
  void drain(std::chrono::milliseconds limit);
  void drained(std::size_t cut);
  void leave();
  void end_connections();

  WorkerStart start_;
  ControlLine control_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Watch> control_watch_;
  std::unique_ptr<Timer> last_look_;
  Listening own_;
  std::map<unsigned, Listening> adopted_;
  bool leaving_ = false;
  std::uint64_t leave_by_ns_ = 0;
  std::size_t cut_ = 0;
};

}  // namespace ouro::host
