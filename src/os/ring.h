// One io_uring: set up with the best flags the kernel takes, restricted to what is used.
#pragma once

#include <liburing.h>    // IWYU pragma: export
#include <poll.h>        // IWYU pragma: export
#include <sys/socket.h>  // IWYU pragma: export
#include <sys/uio.h>     // IWYU pragma: export

#include <cstdint>
#include <memory>

#include "os/features.h"
#include "ouro/error.h"
#include "ouro/options.h"

namespace ouro::os {

struct RingOptions {
  unsigned submissions = 512;
  unsigned completions = 4096;
  TaskRun task_run = TaskRun::kDefer;
  bool submission_thread = false;
  bool restricted = true;
  unsigned fixed_files = 0;  // size of the table; 0: none
};

// Belongs to the thread that calls start(). Made disabled: buffers are registered first, then
// start() forbids every operation that is not allowed and sets it going.
class Ring {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Ring>> create(const RingOptions& options,
                                                            const Features& features);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Lets submissions with this opcode through once the ring is started.
  void allow(unsigned opcode) noexcept;
  [[nodiscard]] Result<void> start();

  // A cleared submission entry. Hands over what is prepared when there is no room.
  [[nodiscard]] io_uring_sqe* entry() noexcept;
  // Hands over and waits for a completion, so many nanoseconds at most (0: does not wait,
  // kForever: no limit). The one system call of a turn.
  void submit_and_wait(std::uint64_t wait_ns) noexcept;
  [[nodiscard]] bool overflowed() const noexcept;
  [[nodiscard]] io_uring* raw() noexcept { return &ring_; }
  [[nodiscard]] std::uint64_t extra_submits() const noexcept { return extra_submits_; }

  static constexpr std::uint64_t kForever = ~std::uint64_t{0};

 private:
  explicit Ring(const RingOptions& options) noexcept : options_(options) {}
  int set_up(const Features& features) noexcept;
  Result<void> restrict_operations();
  void wait_until_taken() noexcept;

  static constexpr unsigned kOpcodesMax = 24;

  RingOptions options_;
  io_uring ring_{};
  bool made_ = false;
  bool registered_ = false;  // the ring's descriptor, with this thread
  unsigned allowed_[kOpcodesMax] = {};
  unsigned allowed_count_ = 0;
  std::uint64_t extra_submits_ = 0;
};

}  // namespace ouro::os
