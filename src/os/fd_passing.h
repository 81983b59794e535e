// Messages between processes that can carry open descriptors: SOCK_SEQPACKET over a Unix
// socketpair. A message arrives whole, with its descriptors, or not at all.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "os/fd.h"
#include "ouro/error.h"

namespace ouro::os {

// The kernel passes at most 253 in one message.
inline constexpr std::size_t kPassedFdsMax = 253;

struct SocketPair {
  Fd first;
  Fd second;
};

// Non-blocking and close-on-exec; what either side writes the other reads.
[[nodiscard]] Result<SocketPair> make_socket_pair();

// Copies of `fds` arrive with the bytes; the caller keeps its own. Never waits: false when the
// other side's queue is full or it has gone, and then nothing was sent.
[[nodiscard]] bool send_message(int socket, std::span<const std::byte> bytes,
                                std::span<const int> fds = {}) noexcept;

// Another descriptor for the same open file; invalid when there is no room for it.
[[nodiscard]] Fd duplicate(int fd) noexcept;

enum class Received { kMessage, kNothing, kGone };

// kMessage: `size` bytes of `into` are set, and `fds` holds what came along. kGone: the other side
// has closed or died. Descriptors that this process has no room for are lost (`lost_fds`).
struct Reception {
  Received what = Received::kNothing;
  std::size_t size = 0;
  bool lost_fds = false;
};
[[nodiscard]] Reception receive_message(int socket, std::span<std::byte> into,
                                        std::vector<Fd>& fds);

}  // namespace ouro::os
