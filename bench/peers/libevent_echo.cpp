// A TCP echo as a user of libevent would write it who cares about speed: events on bare sockets, no
// bufferevents; every write tried at once, and a buffer held by a connection only while it has
// something left to write.
//
//   libevent_echo PORT
#include <event2/event.h>
#include <event2/listener.h>
#include <unistd.h>

#include <span>

#include "peer.h"

namespace {

peers::Buffers buffers;

class Session {
 public:
  Session(event_base* base, int fd)
      : fd_(fd),
        readable_(event_new(base, fd, EV_READ | EV_PERSIST, on_readable, this)),
        writable_(event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, this)) {
    event_add(readable_, nullptr);
  }

  Session(const Session&) = delete;

  ~Session() {
    event_free(readable_);
    event_free(writable_);
    if (buffer_ != nullptr) buffers.give_back(buffer_);
    close(fd_);
  }

 private:
  static void on_readable(int, short, void* self) {
    auto* session = static_cast<Session*>(self);
    if (!session->receive()) delete session;
  }

  static void on_writable(int, short, void* self) {
    auto* session = static_cast<Session*>(self);
    if (!session->send()) return delete session;
    if (session->unsent_.empty()) session->turn(session->writable_, session->readable_);
  }

  // Both give whether the connection goes on.
  bool receive() {
    buffer_ = buffers.take();
    const ssize_t size = recv(fd_, buffer_, peers::kBufferSize, 0);
    if (size < 0) return errno == EAGAIN && give_back();
    unsent_ = {buffer_, static_cast<std::size_t>(size)};
    if (size == 0 || !send()) return false;
    if (!unsent_.empty()) turn(readable_, writable_);
    return true;
  }

  bool send() {
    const ssize_t size = ::send(fd_, unsent_.data(), unsent_.size(), 0);
    if (size < 0) return errno == EAGAIN;
    unsent_ = unsent_.subspan(static_cast<std::size_t>(size));
    return !unsent_.empty() || give_back();
  }

  bool give_back() {
    buffers.give_back(buffer_);
    buffer_ = nullptr;
    return true;
  }

  // One of them waits at a time: nothing is read until all that came is gone.
  static void turn(event* from, event* to) {
    event_del(from);
    event_add(to, nullptr);
  }

  const int fd_;
  event* const readable_;
  event* const writable_;
  char* buffer_ = nullptr;
  std::span<char> unsent_;  // of the buffer
};

void accept(evconnlistener* listener, int fd, sockaddr*, int, void*) {
  new Session(evconnlistener_get_base(listener), fd);
}

event_base* make_base() {
  event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  return base;
}

}  // namespace

int main(int count, char** arguments) {
  const int fd = peers::start(count, arguments);
  evutil_make_socket_nonblocking(fd);
  event_base* base = make_base();
  if (base == nullptr) peers::fail("event base");
  // Its backlog is 0 because the socket listens already.
  if (evconnlistener_new(base, accept, nullptr, LEV_OPT_CLOSE_ON_EXEC, 0, fd) == nullptr) {
    peers::fail("listener");
  }
  event_base_dispatch(base);
}
