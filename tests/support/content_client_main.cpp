// Many clients of an echo server in one process, each of which checks every byte that comes back.
// Exits with 0 and one line that says how much was checked, or with 1 and the first thing wrong.
//
//   content_client ADDRESS [--connections N] [--bytes N] [--message N] [--write-max N]
//                  [--read-max N] [--receive-buffer N] [--send-buffer N] [--reading eager|full]
//                  [--finish half-close|close|resets-among] [--never-readers N]
//
// With --never-readers it says "full" once they take no more, and goes on at the next line of
// stdin, so that the server can be looked at meanwhile.
#include <charconv>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <string_view>

#include "exchange.h"

namespace ouro::test {
namespace {

struct Wish {
  std::uint64_t connections = 1;
  std::uint64_t never_readers = 0;
  bool resets_among = false;  // every third is cut in the middle
  TestClient::Options sockets;
  StreamPlan plan{.bytes = 1 << 20};
};

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || *end != '\0') throw ClientError("not a number: " + text);
  return value;
}

void set_reading(StreamPlan& plan, const std::string& word) {
  if (word != "eager" && word != "full") throw ClientError("unknown way of reading: " + word);
  plan.reading = word == "full" ? Reading::kWhenFull : Reading::kEager;
}

void set_finish(Wish& wish, const std::string& word) {
  if (word == "close") {
    wish.plan.finish = Finish::kClose;
  } else if (word == "resets-among") {
    wish.resets_among = true;
  } else if (word != "half-close") {
    throw ClientError("unknown way of finishing: " + word);
  }
}

// The options, each with what it does.
using Setter = void (*)(Wish&, const std::string&);
const std::map<std::string_view, Setter> kOptions{
    {"--connections", [](Wish& w, const std::string& v) { w.connections = number(v); }},
    {"--never-readers", [](Wish& w, const std::string& v) { w.never_readers = number(v); }},
    {"--bytes", [](Wish& w, const std::string& v) { w.plan.bytes = number(v); }},
    {"--message", [](Wish& w, const std::string& v) { w.plan.in_flight_max = number(v); }},
    {"--write-max", [](Wish& w, const std::string& v) { w.plan.write_max = number(v); }},
    {"--read-max", [](Wish& w, const std::string& v) { w.plan.read_max = number(v); }},
    {"--receive-buffer",
     [](Wish& w, const std::string& v) { w.sockets.receive_buffer = static_cast<int>(number(v)); }},
    {"--send-buffer",
     [](Wish& w, const std::string& v) { w.sockets.send_buffer = static_cast<int>(number(v)); }},
    {"--reading", [](Wish& w, const std::string& v) { set_reading(w.plan, v); }},
    {"--finish", [](Wish& w, const std::string& v) { set_finish(w, v); }},
};

Wish parse(int count, char** words) {
  Wish wish;
  for (int i = 2; i < count; i += 2) {
    const auto option = kOptions.find(words[i]);
    if (option == kOptions.end()) throw ClientError(std::string("unknown option: ") + words[i]);
    if (i + 1 == count) throw ClientError(std::string("no value for ") + words[i]);
    option->second(wish, words[i + 1]);
  }
  return wish;
}

// They stay open and full while the others do their work.
void add_never_readers(Exchange& exchange, const Address& to, const Wish& wish) {
  if (wish.never_readers == 0) return;
  for (std::uint64_t i = 0; i < wish.never_readers; ++i) {
    exchange.add(TestClient::connect(to), {.stream = 1'000'000 + i,
                                           .bytes = StreamPlan::kNoLimit,
                                           .reading = Reading::kNever,
                                           .finish = Finish::kKeep});
  }
  exchange.run_until_still();
  std::puts("full");
  std::fflush(stdout);
  [[maybe_unused]] const int go_on = std::getchar();
}

void run(const Address& to, const Wish& wish) {
  Exchange exchange;
  add_never_readers(exchange, to, wish);
  const std::uint64_t unread = exchange.bytes_written();
  for (std::uint64_t i = 0; i < wish.connections; ++i) {
    StreamPlan plan = wish.plan;
    plan.stream = i;
    if (wish.resets_among && i % 3 == 1) {
      plan.finish = Finish::kReset;
      plan.reading = i % 2 == 0 ? Reading::kEager : Reading::kWhenFull;
    }
    exchange.add(TestClient::connect(to, wish.sockets), plan);
  }
  exchange.run();
  std::printf("checked %llu bytes on %llu connections, %llu bytes unread\n",
              static_cast<unsigned long long>(exchange.bytes_checked()),
              static_cast<unsigned long long>(wish.connections),
              static_cast<unsigned long long>(unread));
}

}  // namespace
}  // namespace ouro::test

int main(int count, char** words) {
  try {
    if (count < 2) throw ouro::test::ClientError("usage: content_client ADDRESS [options]");
    const auto address = ouro::Address::parse(words[1]);
    if (!address) throw ouro::test::ClientError(address.error().what);
    ouro::test::run(*address, ouro::test::parse(count, words));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
