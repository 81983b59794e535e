// One thread of load: a worker of the engine and the clients on it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "load/client.h"
#include "load/options.h"
#include "load/pattern.h"
#include "load/schedule.h"
#include "load/shared.h"
#include "ouro/worker.h"

namespace ouro::load {

// What a thread is to do of the run.
struct Part {
  unsigned thread = 0;
  std::size_t first_connection = 0;
  std::size_t connections = 0;
};

// Lives on the thread that calls run(). The options, the pattern and what is shared outlive it.
class Generator final : private Handler {
 public:
  Generator(const LoadOptions& options, const Pattern& pattern, Shared& shared, Part part);
  ~Generator() override;

  void run();
  // Adds what it has found to the results; after run().
  void tell(Results& results) const;

 private:
  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void ended(Connection& connection) override;
  void closed(Connection& connection, Errc reason) override;

  // The run (generator.cpp).
  [[nodiscard]] bool make_worker();
  void loop();
  [[nodiscard]] std::chrono::nanoseconds wait_time() const;
  void open_some();
  void open(Client& client);
  void arrive();
  void look_at_the_clock();
  void begin_measuring();
  void end_measuring();
  void count_unanswered(std::uint64_t now);
  void add_wait(Client& client, std::uint64_t intended_ns, std::uint64_t now);
  void end_second(std::uint64_t now);

  // Asking (generator_ask.cpp).
  void ask_what_is_due();
  void ask_scheduled(Client& client, std::uint64_t intended_ns);
  void ask(Client& client, std::uint64_t intended_ns);
  void send_message(Client& client);
  void fill_stream(Client& client);
  [[nodiscard]] bool has_schedule() const noexcept { return schedule_.has_value(); }

  // Hearing (generator_hear.cpp).
  void note_progress(Client& client);
  void note_silence(Client& client, std::uint64_t now);
  void note_lost(Client& client);
  void hear_echo(Client& client, std::span<const std::byte> bytes);
  void hear_http(Client& client, std::span<const std::byte> bytes);
  void hear_stream(Client& client, std::size_t count);
  void check(Client& client, std::span<const std::byte> bytes);
  void answered(Client& client);
  void ask_again(Client& client, std::uint64_t now);
  void note_first_service(Client& client, std::uint64_t intended_ns);
  void count_error(const std::string& kind);
  [[nodiscard]] std::string end_word(const Client& client, bool was_open, Errc reason) const;
  void leave(Client& client);
  void give_up(Client& client);
  void return_later(Client& client);

  [[nodiscard]] std::uint64_t now_ns() const noexcept { return worker_->now_ns(); }
  [[nodiscard]] bool streams() const noexcept { return options_.mode == Mode::kStream; }
  [[nodiscard]] bool churns() const noexcept { return options_.mode == Mode::kChurn; }
  static Client& client_of(Connection& connection) noexcept {
    return *static_cast<Client*>(connection.user);
  }

  struct Return {
    std::uint64_t at_ns = 0;
    Client* client = nullptr;
  };

  const LoadOptions& options_;
  const Pattern& pattern_;
  Shared& shared_;
  const Part part_;
  std::string request_;  // HTTP
  std::unique_ptr<Worker> worker_;
  std::vector<Client> clients_;
  std::optional<Schedule> schedule_;
  std::size_t active_ = 0;  // of the connections, how many are asked at all
  std::size_t due_ = 0;     // requests that wait for their connection

  std::size_t first_tries_left_;  // clients that were never tried
  std::size_t connecting_ = 0;
  std::size_t opened_ever_ = 0;
  std::size_t tried_ = 0;  // clients whose first connect has ended in one way or the other
  std::deque<Client*> to_open_;
  std::deque<Return> returns_;  // in order of time: all wait equally long
  bool arrived_ = false;
  bool measuring_ = false;
  bool measured_ = false;
  bool leaving_ = false;

  // Found out.
  Results found_;
  SecondPart second_;
  std::uint64_t second_began_ns_ = 0;
  std::uint64_t cpu_before_ns_ = 0;
  double cpu_ = 0;
};

}  // namespace ouro::load
