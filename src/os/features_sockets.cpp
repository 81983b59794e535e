#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <utility>

#include "os/features_trial.h"

namespace ouro::os::trial {
namespace {

constexpr int kTcpWaitMs = 100;

sockaddr_storage loopback(sa_family_t family, socklen_t& size) {
  sockaddr_storage address{};
  if (family == AF_INET) {
    auto& ip = reinterpret_cast<sockaddr_in&>(address);
    ip = {
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    size = sizeof(ip);
  } else {
    auto& ip = reinterpret_cast<sockaddr_in6&>(address);
    ip = {};
    ip.sin6_family = AF_INET6;
    ip.sin6_addr = in6addr_loopback;
    size = sizeof(ip);
  }
  return address;
}

Fd stream_socket(int family) {
  return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

sockaddr* generic(sockaddr_storage& address) { return reinterpret_cast<sockaddr*>(&address); }

Pair tcp_pair_over(sa_family_t family) {
  socklen_t size = 0;
  sockaddr_storage address = loopback(family, size);
  const Fd listener = stream_socket(family);
  Pair pair{stream_socket(family), Fd()};
  if (!listener.valid() || !pair.near.valid()) return {};
  if (::bind(listener.get(), generic(address), size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), generic(address), &size) != 0) {
    return {};
  }
  // Closing leaves no TIME_WAIT behind.
  const linger abort{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(pair.near.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
  if (::connect(pair.near.get(), generic(address), size) != 0 && errno != EINPROGRESS) return {};
  pollfd ready{.fd = listener.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, kTcpWaitMs) != 1) return {};
  pair.far = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  return pair;
}

}  // namespace

Pair unix_pair() {
  std::array<int, 2> ends{-1, -1};
  ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data());
  return {Fd(ends[0]), Fd(ends[1])};
}

Pair tcp_pair() {
  // Machines with IPv6 alone exist.
  Pair pair = tcp_pair_over(AF_INET);
  return pair.valid() ? std::move(pair) : tcp_pair_over(AF_INET6);
}

Fd unix_listener() {
  Fd listener = stream_socket(AF_UNIX);
  if (!listener.valid()) return listener;
  // An address of nothing but the family makes the kernel choose an abstract name.
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name.sun_family)) != 0 ||
      ::listen(listener.get(), 4) != 0) {
    listener.reset();
  }
  return listener;
}

Fd unix_client() { return stream_socket(AF_UNIX); }

bool connect_to(const Fd& client, const Fd& listener) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  return ::getsockname(listener.get(), generic(name), &size) == 0 &&
         ::connect(client.get(), generic(name), size) == 0;
}

}  // namespace ouro::os::trial
