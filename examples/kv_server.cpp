// A key-value server that speaks lines: one worker, one thread, no locks.
//
//   kv_server [ADDR:PORT]   then, elsewhere: nc 127.0.0.1 7008
//
//   SET key value     OK, or ERROR why
//   GET key           VALUE value, or NONE
//   DEL key           OK, or NONE
//   QUIT              BYE, and the connection ends
//
// It shows what every protocol over TCP has to mind: a message may come in pieces, many may come
// at once, and a client may ask for more than it reads. Each has a bound.
#include <ouro/ouro.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

constexpr std::size_t kLineMax = 8192;
constexpr std::size_t kStoreBytesMax = std::size_t{64} << 20;
constexpr std::size_t kWindow = std::size_t{256} << 10;  // answers waiting for one client

class Store {
 public:
  // False when there is no room.
  bool set(std::string_view key, std::string_view value) {
    const std::string* old = get(key);
    const std::size_t freed = old == nullptr ? 0 : cost(key, *old);
    if (bytes_ - freed + cost(key, value) > kStoreBytesMax) return false;
    bytes_ += cost(key, value) - freed;
    values_.insert_or_assign(std::string(key), std::string(value));
    return true;
  }

  // Null when there is none.
  const std::string* get(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

  bool remove(std::string_view key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return false;
    bytes_ -= cost(key, found->second);
    values_.erase(found);
    return true;
  }

 private:
  static std::size_t cost(std::string_view key, std::string_view value) {
    constexpr std::size_t kNode = 128;  // about what the map adds
    return key.size() + value.size() + kNode;
  }

  std::map<std::string, std::string, std::less<>> values_;
  std::size_t bytes_ = 0;
};

// Cuts the first word off.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(space == line.npos ? line.size() : space + 1);
  return word;
}

// The answer to one line, its end included. Knows nothing of connections.
std::string answer(Store& store, std::string_view line) {
  const std::string_view command = take_word(line);
  if (command == "SET") {
    const std::string_view key = take_word(line);
    if (key.empty() || line.empty()) return "ERROR try SET key value\n";
    return store.set(key, line) ? "OK\n" : "ERROR the store is full\n";
  }
  const bool one_key = !line.empty() && line.find(' ') == line.npos;
  if (command == "GET" && one_key) {
    const std::string* value = store.get(line);
    return value == nullptr ? "NONE\n" : "VALUE " + *value + "\n";
  }
  if (command == "DEL" && one_key) return store.remove(line) ? "OK\n" : "NONE\n";
  return "ERROR try SET key value, GET key, DEL key or QUIT\n";
}

class KvServer final : public ouro::Handler {
 public:
  void opened(ouro::Connection& connection) override { connection.user = new Session; }

  void data(ouro::Connection& connection, ouro::Buffer buffer) override {
    const auto bytes = buffer.bytes();
    session(connection).input.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    serve(connection);
  }

  // The client has read what it was owed: on with what it asked meanwhile.
  void drained(ouro::Connection& connection) override { serve(connection); }

  void ended(ouro::Connection& connection) override {
    session(connection).ended = true;
    serve(connection);
  }

  void closed(ouro::Connection& connection, ouro::Errc) override {
    const std::unique_ptr<Session> last(static_cast<Session*>(connection.user));
  }

 private:
  struct Session {
    std::string input;     // what was not answered yet: whole lines and the begin of one
    bool ended = false;    // the client will send no more
    bool leaving = false;  // nothing more is answered
  };

  static Session& session(ouro::Connection& connection) {
    return *static_cast<Session*>(connection.user);
  }

  // Answers the lines that are there, as long as the client takes the answers.
  void serve(ouro::Connection& connection) {
    Session& client = session(connection);
    std::string answers;
    std::string_view rest = client.input;
    while (!client.leaving && connection.unsent() + answers.size() < kWindow) {
      const std::size_t end = rest.find('\n');
      if (end > kLineMax && rest.size() > kLineMax) {
        answers += "ERROR a line has at most " + std::to_string(kLineMax) + " bytes\n";
        client.leaving = true;
      } else if (end != rest.npos) {
        take_line(client, rest.substr(0, end), answers);
        rest.remove_prefix(end + 1);
      } else {
        if (client.ended) leave(client, rest, answers);
        break;
      }
    }
    client.input.erase(0, client.input.size() - rest.size());
    connection.send(std::as_bytes(std::span(answers)));
    if (client.leaving) return connection.close();
    // Without this a client that asks and does not read would fill our memory with questions.
    if (connection.unsent() < kWindow) {
      connection.resume();
    } else {
      connection.pause();  // drained() goes on
    }
  }

  void take_line(Session& client, std::string_view line, std::string& answers) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    client.leaving = line == "QUIT";
    answers += client.leaving ? "BYE\n" : answer(store_, line);
  }

  // A line without an end may be half of what was meant: it is not obeyed.
  static void leave(Session& client, std::string_view rest, std::string& answers) {
    if (!rest.empty()) answers += "ERROR the last line has no end\n";
    client.leaving = true;
  }

  Store store_;
};

int failed(const ouro::Failure& failure) {
  std::fprintf(stderr, "kv_server: %s\n", failure.what.c_str());
  return 1;
}

// For the signal handler; stop() is the one call it may make.
ouro::Worker* running = nullptr;

void stop(int) {
  if (running != nullptr) running->stop();
}

int main(int argc, char** argv) {
  const auto address = ouro::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:7008");
  if (!address) return failed(address.error());
  KvServer server;  // before the worker: handlers outlive it
  ouro::WorkerOptions options;
  options.window_bytes = kWindow;
  options.idle_timeout = std::chrono::minutes{10};
  const auto worker = ouro::Worker::create(options);
  if (!worker) return failed(worker.error());
  const auto listener = (*worker)->listen(*address, server);
  if (!listener) return failed(listener.error());
  running = worker->get();
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  std::printf("kv_server on %s\n", (*worker)->address_of(*listener).to_string().c_str());
  std::fflush(stdout);
  (*worker)->run();
  running = nullptr;
}
