// The backend on io_uring: every operation becomes a submission, the kernel does the rest.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "engine/backend.h"
#include "engine/receive_policy.h"
#include "engine/uring_buffers.h"
#include "os/features.h"
#include "os/ring.h"

namespace ouro::engine {

// One system call a turn: wait() hands over what was prepared, waits, and runs what became ready.
class UringBackend final : public Backend {
 public:
  // Fails when the kernel refuses io_uring or a laboratory knob asks for what it cannot do.
  [[nodiscard]] static Result<std::unique_ptr<Backend>> create(const WorkerOptions& options,
                                                               const os::Features& features,
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
  std::size_t spare_buffers(BufferGroup group) const noexcept override;
  void trim() noexcept override;
  std::size_t pool_bytes() const noexcept override;
  const BackendTraits& traits() const noexcept override { return traits_; }

 private:
  // What a gathering send points to; the kernel copies it when the submission is handed over.
  struct Gather {
    msghdr message;
    std::array<iovec, kSendBlocksMax> parts;
  };

  UringBackend(const WorkerOptions& options, Counters& counters) noexcept
      : laboratory_(options.laboratory), counters_(counters) {}
  Result<void> set_up(const os::Features& features);
  Result<void> set_up_buffers(const os::Features& features);
  Result<void> set_up_zero_copy(std::size_t block_bytes, const os::Features& features);
  void allow_operations() noexcept;

  io_uring_sqe* prepare_receive_call(Token token, File file, std::uint32_t credit) noexcept;
  void link_poll(Token token, File file) noexcept;
  void poll_for(Token token, int fd, unsigned events) noexcept;
  Gather& gather(const SendRequest& request) noexcept;
  void send_gathered(Token token, File file, const SendRequest& request, unsigned flags) noexcept;
  void send_single(Token token, File file, const SendRequest& request, unsigned flags) noexcept;
  [[nodiscard]] Completion translate(const io_uring_cqe& cqe) noexcept;
  void take_buffer(const io_uring_cqe& cqe, Completion& completion) noexcept;

  LaboratoryOptions laboratory_;
  Counters& counters_;
  BackendTraits traits_;
  std::array<std::unique_ptr<UringBuffers>, kBufferGroups> groups_;
  std::unique_ptr<os::Ring> ring_;  // closed before the memory it may write to goes
  // What entries point to until they are handed over; as many as there are entries, used in turn.
  std::vector<Gather> gathers_;
  std::vector<Address> connecting_;
  bool nowait_writes_ = true;  // of the variants that write
  std::size_t next_gather_ = 0;
  std::size_t next_connecting_ = 0;
};

}  // namespace ouro::engine
