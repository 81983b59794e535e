// A TCP echo as a user of libuv would write it who cares about speed: one loop, every write tried
// at once, and a buffer held by a connection only while it has something left to write.
//
//   libuv_echo PORT
#include <uv.h>

#include "peer.h"

namespace {

struct Session {
  uv_tcp_t socket;  // first, so that a pointer to it is one to the session
  uv_write_t write;
  char* unsent;
};

peers::Buffers buffers;

void check(int result, const char* what) {
  errno = -result;
  if (result < 0) peers::fail(what);
}

Session* session_of(uv_stream_t* stream) { return reinterpret_cast<Session*>(stream); }
uv_stream_t* stream_of(Session* session) {
  return reinterpret_cast<uv_stream_t*>(&session->socket);
}

void close(uv_stream_t* stream) {
  uv_close(reinterpret_cast<uv_handle_t*>(stream),
           [](uv_handle_t* handle) { delete reinterpret_cast<Session*>(handle); });
}

void receive(uv_stream_t* stream);

void on_sent(uv_write_t* write, int status) {
  uv_stream_t* stream = write->handle;
  buffers.give_back(session_of(stream)->unsent);
  status < 0 ? close(stream) : receive(stream);
}

// Nothing more is read until all of it is gone.
void send_later(uv_stream_t* stream, char* buffer, uv_buf_t rest) {
  Session* session = session_of(stream);
  uv_read_stop(stream);
  session->unsent = buffer;
  check(uv_write(&session->write, stream, &rest, 1, on_sent), "write");
}

void on_received(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
  int sent = 0;
  if (size > 0) {
    const uv_buf_t all = uv_buf_init(buffer->base, static_cast<unsigned>(size));
    sent = uv_try_write(stream, &all, 1);
    if (sent == UV_EAGAIN) sent = 0;
    if (sent >= 0 && sent < size) {
      const auto rest = static_cast<unsigned>(size - sent);
      return send_later(stream, buffer->base, uv_buf_init(buffer->base + sent, rest));
    }
  }
  buffers.give_back(buffer->base);
  if (size < 0 || sent < 0) close(stream);
}

void receive(uv_stream_t* stream) {
  const auto take = [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
    *buffer = uv_buf_init(buffers.take(), peers::kBufferSize);
  };
  check(uv_read_start(stream, take, on_received), "read");
}

void accept(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* session = new Session;
  check(uv_tcp_init(listener->loop, &session->socket), "socket");
  uv_stream_t* stream = stream_of(session);
  uv_accept(listener, stream) == 0 ? receive(stream) : close(stream);
}

}  // namespace

int main(int count, char** arguments) {
  const int fd = peers::start(count, arguments);
  uv_tcp_t listener;
  check(uv_tcp_init(uv_default_loop(), &listener), "loop");
  check(uv_tcp_open(&listener, fd), "listener");
  check(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, accept), "listen");
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
