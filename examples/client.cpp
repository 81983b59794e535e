// A client: sends what it reads on stdin, prints what comes.
//
//   client ADDR:PORT        e.g.: echo hello | client 127.0.0.1:7007
//
// When stdin ends it says so to the server (FIN), and leaves when the server has ended too. Exits
// with 1 when the connection failed or broke.
#include <ouro/ouro.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>

class Client final : public ouro::Handler {
 public:
  void opened(ouro::Connection& connection) override { start_reading(connection); }

  void data(ouro::Connection&, ouro::Buffer buffer) override {
    const auto bytes = buffer.bytes();
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
  }

  // The server has taken what was too much for it: read on.
  void drained(ouro::Connection& connection) override {
    if (!input_ended_) start_reading(connection);
  }

  // The last call, also when connecting failed.
  void closed(ouro::Connection&, ouro::Errc reason) override {
    stdin_watch_.reset();
    reason_ = reason;
  }

  [[nodiscard]] ouro::Errc reason() const { return reason_; }

 private:
  static constexpr std::size_t kUnsentMax = std::size_t{256} << 10;  // the default window

  void start_reading(ouro::Connection& connection) {
    stdin_watch_ = std::make_unique<ouro::Watch>(connection.worker(), STDIN_FILENO,
                                                 [this, &connection] { read_some(connection); });
  }

  // One read each time stdin is readable: another could wait, and the connection with it.
  void read_some(ouro::Connection& connection) {
    std::array<std::byte, 16384> bytes;
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count < 0) std::fprintf(stderr, "client: stdin: %s\n", std::strerror(errno));
    if (count <= 0) {
      input_ended_ = true;
      connection.finish();
    } else {
      connection.send(std::span(bytes).first(static_cast<std::size_t>(count)));
    }
    if (input_ended_ || connection.unsent() >= kUnsentMax) stdin_watch_.reset();
  }

  std::unique_ptr<ouro::Watch> stdin_watch_;
  bool input_ended_ = false;
  ouro::Errc reason_ = ouro::Errc::kNone;
};

int failed(const char* why) {
  std::fprintf(stderr, "client: %s\n", why);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 2) return failed("where to? try client 127.0.0.1:7007");
  const auto address = ouro::Address::parse(argv[1]);
  if (!address) return failed(address.error().what.c_str());
  Client client;
  const auto worker = ouro::Worker::create();
  if (!worker) return failed(worker.error().what.c_str());
  const auto connection = (*worker)->connect(*address, client);
  if (!connection) return failed(connection.error().what.c_str());
  (*worker)->run();  // until nothing is left to wait for
  return client.reason() == ouro::Errc::kNone ? 0 : failed(ouro::to_string(client.reason()));
}
