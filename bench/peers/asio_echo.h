// A TCP echo as a user of Asio would write it who cares about speed: one thread without locks, one
// large buffer per connection. Whether it waits with epoll or io_uring is decided by what is
// defined before this is included.
#pragma once

#include <array>
#include <asio.hpp>
#include <cstddef>
#include <memory>
#include <utility>

#include "peer.h"

namespace peers {

using asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}

  void receive() {
    socket_.async_read_some(asio::buffer(data_),
                            [self = shared_from_this()](asio::error_code error, std::size_t size) {
                              if (!error) self->send(size);
                            });
  }

 private:
  void send(std::size_t size) {
    asio::async_write(socket_, asio::buffer(data_, size),
                      [self = shared_from_this()](asio::error_code error, std::size_t) {
                        if (!error) self->receive();
                      });
  }

  tcp::socket socket_;
  std::array<char, kBufferSize> data_;  // left as it is: only what was received is sent
};

inline void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket))->receive();
    accept(acceptor);
  });
}

inline void serve(int listener) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  tcp::acceptor acceptor(context, tcp::v4(), listener);
  accept(acceptor);
  context.run();
}

}  // namespace peers
