// A TCP echo as a user of Asio would write it who cares about speed: one thread without locks, one
// large buffer per connection, reads and writes that are tried before they wait for epoll.
//
//   asio_echo PORT
#include <array>
#include <asio.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace {

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
  std::array<char, std::size_t{60} * 1024> data_;  // left as it is: only what was received is sent
};

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket))->receive();
    accept(acceptor);
  });
}

}  // namespace

int main(int count, char** arguments) {
  const int port = count == 2 ? std::atoi(arguments[1]) : 0;
  if (port < 1 || port > 65535) {
    std::fputs("usage: asio_echo PORT\n", stderr);
    return 2;
  }
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(),
                               static_cast<asio::ip::port_type>(port));
  tcp::acceptor acceptor(context, endpoint);
  acceptor.set_option(tcp::no_delay(true));  // accepted sockets inherit it
  accept(acceptor);
  context.run();
}
