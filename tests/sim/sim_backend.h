// A Backend that plays kernel and network: no descriptor, no system call, no real time. Everything
// it does follows from its world's seed, and it looks at what the engine asks for with a suspicion
// the kernel does not have.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "engine/backend.h"
#include "engine/buffer_pool.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace ouro::sim {

// Who is there when the engine connects to a port.
using Dial = std::function<std::shared_ptr<Wire>(std::uint16_t port)>;

// The numbers of its files are beyond any real descriptor, and a number that falls free is the next
// one given out.
class SimBackend final : public engine::Backend {
 public:
  static constexpr int kFirstFile = 1 << 20;
  static constexpr int kListener = kFirstFile - 1;
  static constexpr int kFirstWatched = 1 << 21;  // from here on: become readable now and then

  SimBackend(World& world, const engine::BackendTraits& traits, std::size_t buffer_bytes,
             std::size_t buffers);
  ~SimBackend() override;

  // A connection waits to be accepted.
  void knock(std::shared_ptr<Wire> wire);
  void set_dial(Dial dial) { dial_ = std::move(dial); }
  // Whether a watched descriptor has become readable; it is read by asking.
  [[nodiscard]] bool take_readable(int fd) { return readable_.erase(fd) > 0; }
  // Nothing happens any more, and nothing will.
  [[nodiscard]] bool stuck() const { return stuck_; }
  // Words about what is left behind; for the end, when nothing should be.
  [[nodiscard]] std::string left_behind() const;

  void accept(engine::Token token, engine::File listener) override;
  void connect(engine::Token token, engine::File file, const Address& address) override;
  void receive(engine::Token token, engine::File file,
               const engine::ReceiveRequest& request) override;
  void send(engine::Token token, engine::File file, const engine::SendRequest& request) override;
  void poll(engine::Token token, int fd) override;
  void cancel(engine::Token token, engine::File file) override;
  void close(engine::File file) override;
  engine::File adopt(int fd) override { return {fd, false}; }
  void wait(std::uint64_t wait_ns) override;
  void dispatch(engine::CompletionSink& sink) override;
  std::size_t spare_buffers(engine::BufferGroup group) const noexcept override;
  void trim() noexcept override {}
  std::size_t pool_bytes() const noexcept override { return 0; }
  const engine::BackendTraits& traits() const noexcept override { return traits_; }
  std::uint64_t now_ns() noexcept override { return world_.events.now(); }
  Result<engine::File> open_for_connect(const Address& address,
                                        const ConnectOptions& options) override;
  int accept_now(int listening_fd) override;
  void shutdown_write(engine::File file) noexcept override;
  void reset_on_close(engine::File file) noexcept override;
  std::size_t unread_bytes(engine::File file) noexcept override;
  std::size_t unacknowledged_bytes(engine::File file) noexcept override;
  Address local_address(engine::File) noexcept override { return {}; }
  Address peer_address(engine::File file) noexcept override;

 private:
  struct Receive {
    engine::Token token;
    engine::ReceiveRequest request;
  };
  struct Send {
    engine::Token token;
    engine::SendRequest request;
  };
  struct SimFile {
    bool open = false;
    bool reset_on_close = false;
    std::shared_ptr<Wire> wire;  // null until it is connected
    std::optional<Receive> receive;
    std::optional<Send> send;
    std::optional<engine::Token> connect;
    std::uint32_t prepared = 0;  // operations not handed over yet
  };

  SimFile& file(int number);
  [[nodiscard]] int place(std::shared_ptr<Wire> wire);
  void prepare(int number, std::function<void()> operation);
  void soon(std::function<void()> what);
  void complete(engine::Token token, Errc error, int result = 0, bool more = false,
                engine::Block* block = nullptr);
  void progress(int number);
  void progress_receive(int number);
  void take_bytes(int number, SimFile& of);
  void progress_send(int number);
  void copy_and_send(SimFile& of, Send under_way, std::uint64_t count);
  void check_bytes(Wire& wire, const engine::SendRequest& request, std::uint64_t first,
                   std::uint64_t count);
  void finish_connect(int number, engine::Token token, std::uint16_t port);
  void withdraw(int number, engine::Token token);
  void progress_accepts();
  void watched_readable(engine::Token token, int fd);
  [[nodiscard]] Errc accept_error();
  [[nodiscard]] static bool is_passing(Errc error);
  [[nodiscard]] detail::BufferPool& pool_of(engine::BufferGroup group);

  World& world_;
  engine::BackendTraits traits_;
  std::vector<std::unique_ptr<detail::BufferPool>> pools_;  // by group
  std::vector<SimFile> files_;
  std::vector<std::shared_ptr<Wire>> backlog_;
  std::vector<engine::Token> accepts_;
  std::optional<engine::Token> listener_poll_;
  std::vector<engine::Token> other_polls_;
  std::set<int> readable_;
  std::vector<std::function<void()>> prepared_;  // handed over by wait()
  std::vector<engine::Completion> completed_;
  Dial dial_;
  bool listening_ = true;
  bool stuck_ = false;
  std::uint32_t held_ = 0;  // zero-copy sends whose memory is in use
};

}  // namespace ouro::sim
