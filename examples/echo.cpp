// An echo server: what a client sends is what it gets.
//
//   echo [ADDR:PORT]        then, elsewhere: nc 127.0.0.1 7007
#include <ouro/ouro.h>

#include <cstdio>
#include <utility>

class Echo final : public ouro::Handler {
  // The buffer the bytes came in goes out again: nothing is copied. A client that does not read
  // is not read from either.
  void data(ouro::Connection& connection, ouro::Buffer buffer) override {
    connection.send(std::move(buffer));
  }
};

int failed(const ouro::Failure& failure) {
  std::fprintf(stderr, "echo: %s\n", failure.what.c_str());
  return 1;
}

int main(int argc, char** argv) {
  const auto address = ouro::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:7007");
  if (!address) return failed(address.error());
  Echo echo;  // before the worker: handlers outlive it
  const auto worker = ouro::Worker::create();
  if (!worker) return failed(worker.error());
  const auto listener = (*worker)->listen(*address, echo);
  if (!listener) return failed(listener.error());
  const auto where = (*worker)->address_of(*listener).to_string();
  std::printf("echo on %s by %s\n", where.c_str(), (*worker)->engine_name());
  std::fflush(stdout);
  (*worker)->run();
}
