// The master: the first process, which starts, watches and replaces the others. It reads signals
// and what its children say, and never anything from the network.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "host/adoption.h"
#include "host/child.h"
#include "host/heartbeat.h"
#include "host/host.h"
#include "host/respawn.h"
#include "host/status.h"

namespace ouro::host {

// What follows from the options and the machine.
struct Plan {
  unsigned workers = 1;
  std::vector<unsigned> cpus;  // to pin worker i to cpus[i]; empty: the scheduler places them
  std::optional<os::User> user;
  std::uint64_t worker_connections_max = 0;
};

class Master {
 public:
  Master(const HostOptions& options, Plan plan);

  // The server's whole life in this process; children end inside and never return. The exit code.
  [[nodiscard]] int run();

 private:
  // A message with descriptors of its own.
  struct Letter {
    Message message;
    std::vector<os::Fd> fds;
  };
  // A place for a child; the processes in it come and go.
  struct Child {
    unsigned index = 0;
    bool is_worker = true;
    WorkerPage* page = nullptr;
    os::ProcessId process = 0;  // 0: none
    os::Fd control;
    bool made = false;  // its engine; it waits for the word to start
    bool ready = false;
    bool uring = false;
    std::deque<Letter> outbox;  // what it is to be told, as soon as it can be
    std::uint64_t reload = 0;   // the last that is in force there
    std::string engine_reason;
    Heartbeat heartbeat;
    Respawn respawn;
    std::uint64_t started_ns = 0;
    std::optional<std::uint64_t> respawn_ns;  // when the next one is due
    std::uint64_t pauses_told = 0;            // of its accepting
    std::uint64_t next_word_ns = 0;           // on that, so as not to flood the log

    explicit Child(std::chrono::milliseconds watchdog) noexcept : heartbeat(watchdog) {}
  };

  // Starting (master_start.cpp).
  [[nodiscard]] Result<void> prepare();
  void make_children();
  [[nodiscard]] Result<void> start_all();
  [[nodiscard]] Result<void> spawn(Child& child);
  [[noreturn]] void live_as(const Child& child, os::Fd control);
  [[nodiscard]] WorkerStart take_for_worker(unsigned index, os::Fd control);
  [[nodiscard]] AttendantStart take_for_attendant(os::Fd control);
  void close_all();
  void start_failed(std::string_view why);
  void decide_engine();
  void told_engine(Child& child);
  void said_of_sandbox(const std::string& missing);
  void announce_if_ready();

  // Watching (master.cpp).
  void loop();
  void on_signal(os::Signal signal);
  void hear(Child& child, std::size_t most);
  void on_message(Child& child, const ReceivedMessage& message);
  void reap();
  void on_death(Child& child, os::Ending ending);
  void replace(Child& child, std::chrono::milliseconds lived);
  void tick();
  void look_after(Child& child);
  void tell_of_pauses(Child& child);
  void respawn_if_due(Child& child);
  void settle_adoptions();
  void carry_out(const Adoption::Order& order);
  [[nodiscard]] bool send_adoption(int control, unsigned of) const;
  void wake_the_waiting();
  void set_state(Child& child, ChildState state);

  void enter_state(ServerState state);

  // Reloading (master_reload.cpp).
  void reload_by_signal();
  [[nodiscard]] std::vector<std::string> reload();
  [[nodiscard]] std::vector<std::string> try_reload();
  void reopen_files();
  [[nodiscard]] Message files_message() const;
  [[nodiscard]] Result<void> tell_all(const Listeners::Change& change, const std::string& plan);
  void tell(Child& child, const Message& message);
  void flush(Child& child);
  void settle_reloads();
  [[nodiscard]] static std::vector<Message> in_messages(
      MessageKind kind, const std::vector<Listeners::OwnSocket>& sockets);

  // Asked by the attendant (master_asked.cpp).
  void asked(const ReceivedMessage& message);
  void answer(std::uint64_t number, std::string_view outcome, const std::string& body);
  void answer(std::uint64_t number, std::span<const std::string> reasons);
  void answer_reloads();
  void answer_all(MessageKind what, std::span<const std::string> reasons);
  [[nodiscard]] std::string status() const;

  // Being replaced (master_upgrade.cpp).
  [[nodiscard]] std::string upgrade();
  void hear_successor();
  void successor_failed(std::string_view why);
  void inherit();
  void inherit_line(std::string_view kind, const std::string& what, std::vector<os::Fd> sockets);

  // Leaving (master_leave.cpp).
  void terminate();
  void begin_drain(std::chrono::milliseconds limit);
  void tell_to_drain(std::chrono::milliseconds limit);
  void look_at_leaving();
  void let_attendant_leave();
  void end_at_once();
  void finish(int code);
  void clean_up();
  [[nodiscard]] bool any_worker_runs() const;

  const HostOptions& options_;
  const Plan plan_;
  std::optional<os::SignalReader> signals_;
  SharedPages pages_;
  Inboxes inboxes_;
  Listeners listeners_;
  os::Fd admin_;
  std::vector<os::Fd> files_;  // that the attendant writes to
  std::optional<Address> admin_address_;
  std::vector<Child> children_;  // the workers, then the attendant
  Adoption adoption_;
  EngineChoice engine_;
  bool engine_decided_ = false;
  std::uint64_t next_tick_ns_ = 0;

  // Another run of this program that is to take over, until it is ready.
  struct Successor {
    os::ProcessId process = 0;
    os::Fd ready;
    std::uint64_t until_ns = 0;
  };
  std::optional<Successor> successor_;
  bool succeeded_ = false;  // it has taken over, and has all the sockets and their files
  os::Fd predecessor_;      // to be told when this server is ready

  // What the attendant is to be answered when it has come to pass; none outlives it.
  struct Ask {
    MessageKind what{};  // kAskReload, kAskUpgrade
    std::uint64_t number = 0;
    std::uint64_t reload = 0;  // that it is about
  };
  std::vector<Ask> asks_;

  std::optional<std::uint64_t> drain_ns_;      // when accepting is to end
  std::optional<std::uint64_t> deadline_ns_;   // when those who are still there are killed
  std::optional<std::uint64_t> attendant_ns_;  // when the attendant is, which goes last
  bool draining_ = false;
  bool announced_ = false;  // the ready line is out
  bool sandbox_told_ = false;
  std::uint64_t reloads_ = 0;           // that were good
  std::uint64_t reloads_in_force_ = 0;  // in all processes
  std::optional<ReloadStatus> last_reload_;
  std::uint64_t started_unix_ms_ = 0;
  std::uint64_t state_unix_ms_ = 0;  // since when the server is in its state
  std::uint64_t cut_ = 0;
  bool unclean_ = false;
  bool in_haste_ = false;  // a second signal has come
  std::optional<int> exit_code_;
};

}  // namespace ouro::host
