#include "os/epoll.h"

#include <cerrno>
#include <ctime>

namespace ouro::os {

Epoll::Epoll() noexcept : fd_(::epoll_create1(EPOLL_CLOEXEC)) {}

int Epoll::control(int operation, int fd, std::uint32_t events, std::uint64_t key) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  return ::epoll_ctl(fd_.get(), operation, fd, &event) == 0 ? 0 : -errno;
}

int Epoll::add(int fd, std::uint32_t events, std::uint64_t key) noexcept {
  return control(EPOLL_CTL_ADD, fd, events, key);
}

int Epoll::modify(int fd, std::uint32_t events, std::uint64_t key) noexcept {
  return control(EPOLL_CTL_MOD, fd, events, key);
}

int Epoll::remove(int fd) noexcept { return control(EPOLL_CTL_DEL, fd, 0, 0); }

std::size_t Epoll::wait(std::span<epoll_event> events, std::uint64_t wait_ns) noexcept {
  const auto room = static_cast<int>(events.size());
  int count = 0;
  if (wait_ns == 0 || wait_ns == ~std::uint64_t{0}) {
    count = ::epoll_wait(fd_.get(), events.data(), room, wait_ns == 0 ? 0 : -1);
  } else {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    const timespec limit{static_cast<time_t>(wait_ns / kSecond),
                         static_cast<long>(wait_ns % kSecond)};
    count = ::epoll_pwait2(fd_.get(), events.data(), room, &limit, nullptr);
  }
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace ouro::os
