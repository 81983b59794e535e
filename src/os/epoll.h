// The epoll calls.
#pragma once

#include <sys/epoll.h>  // IWYU pragma: export

#include <cstdint>
#include <span>

#include "os/fd.h"

namespace ouro::os {

class Epoll {
 public:
  Epoll() noexcept;
  [[nodiscard]] bool valid() const noexcept { return fd_.valid(); }

  // `key` comes back with each event. Each gives 0 or -errno.
  int add(int fd, std::uint32_t events, std::uint64_t key) noexcept;
  int modify(int fd, std::uint32_t events, std::uint64_t key) noexcept;
  int remove(int fd) noexcept;
  // How many events were put into `events`; 0 when the time is over or a signal came.
  [[nodiscard]] std::size_t wait(std::span<epoll_event> events, std::uint64_t wait_ns) noexcept;

 private:
  int control(int operation, int fd, std::uint32_t events, std::uint64_t key) noexcept;
  Fd fd_;
};

}  // namespace ouro::os
