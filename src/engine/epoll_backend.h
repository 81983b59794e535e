// The backend on epoll: waits for readiness, does the operations itself, and tells of them as
// completions.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "engine/backend.h"
#include "engine/buffer_pool.h"
#include "os/epoll.h"

namespace ouro::engine {

// What is known and wanted of one descriptor. Edge-triggered: the kernel says once that something
// changed, and the flags remember it until a call finds nothing more.
struct EpollFile : ListHook {
  int fd = -1;
  std::uint32_t generation = 0;  // events still in the batch for a former file of this number
  std::uint32_t events = 0;      // registered for; 0: not registered
  bool readable = false;
  bool writable = true;
  bool hung_up = false;       // the end has come, though perhaps not yet been received
  bool drain_to_end = false;  // a short receive does not prove that nothing is left (Unix)
  bool receiving = false, sending = false, connecting = false, polling = false;
  std::uint32_t accepts = 0;
  Token receive_token, send_token, connect_token, poll_token, accept_token;
  ReceiveRequest receive;
  SendRequest send;
};

// Receives at most once per connection and turn, into the buffer given back last: bytes received
// are sent on while they are in the cache.
class EpollBackend final : public Backend {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Backend>> create(const WorkerOptions& options,
                                                               Counters& counters);

  void accept(Token token, File listener) override;
  void connect(Token token, File file, const Address& address) override;
  void receive(Token token, File file, const ReceiveRequest& request) override;
  void send(Token token, File file, const SendRequest& request) override;
  void poll(Token token, int fd) override;
  void cancel(Token token, File file) override;
  void close(File file) override;
  File adopt(int fd) override;
  Result<File> open_for_connect(const Address& address, const ConnectOptions& options) override;
  int accept_now(int listening_fd) override;
  void wait(std::uint64_t wait_ns) override;
  void dispatch(CompletionSink& sink) override;
  std::size_t spare_buffers(BufferGroup) const noexcept override { return pool_.spare(); }
  void trim() noexcept override { pool_.trim(); }
  std::size_t pool_bytes() const noexcept override { return pool_.held_bytes(); }
  const BackendTraits& traits() const noexcept override { return traits_; }

 private:
  static constexpr std::size_t kEventsMax = 256;

  EpollBackend(const WorkerOptions& options, Counters& counters);
  EpollFile& file_of(int fd);
  enum class Asking : bool { kOnce, kAnew };
  // False for a file that epoll does not take, or cannot for lack of memory.
  bool watch_for(EpollFile& file, std::uint32_t events, Asking asking = Asking::kOnce);
  void forget(EpollFile& file) noexcept;
  void note(const epoll_event& event);
  void make_ready(EpollFile& file) noexcept;
  void complete_later(Token token, int result_or_error);
  void complete_queued(CompletionSink& sink);

  void serve(EpollFile& file, CompletionSink& sink);
  void serve_accepts(EpollFile& file);
  void serve_connect(EpollFile& file);
  void serve_send(EpollFile& file);
  void serve_receive(EpollFile& file, CompletionSink& sink);
  void wait_for_room(EpollFile& file, int why);
  void await_room(Token token, EpollFile& file, const SendRequest& request);
  [[nodiscard]] int try_send(EpollFile& file, const SendRequest& request) noexcept;
  void received(EpollFile& file, Block* block, std::uint32_t wanted, int count,
                CompletionSink& sink);

  OperationVariant variant_;
  Counters& counters_;
  BackendTraits traits_;
  BufferPool pool_;
  os::Epoll epoll_;
  std::array<epoll_event, kEventsMax> events_;
  std::vector<std::unique_ptr<EpollFile>> files_;  // by descriptor
  IntrusiveList<EpollFile> ready_;                 // something is wanted and possible
  IntrusiveList<EpollFile> ready_listeners_;       // likewise; few, and first in every turn
  std::vector<Completion> queued_;                 // done in the call that asked for them
};

}  // namespace ouro::engine
