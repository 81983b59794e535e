// Many clients of an echo server at once, on one thread: each writes its own pattern, checks
// every byte that comes back, and ends as its plan says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "client.h"
#include "pattern.h"

namespace ouro::test {

// When a stream reads what came back.
enum class Reading {
  kEager,     // whenever something is there
  kWhenFull,  // only when nothing more can be written: every buffer on the way fills up
  kNever,
};

// What a stream does once it has written everything.
enum class Finish {
  kHalfClose,  // shuts its writing side, then reads to the end: every byte, then FIN
  kClose,      // closes when every byte is back
  kKeep,       // stays open when every byte is back
  kReset,      // cuts the connection at once, whatever is under way
};

struct StreamPlan {
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

  std::uint64_t stream = 0;  // whose pattern it writes
  std::uint64_t bytes = 0;   // how much of it
  // Each write and each read has a size of its own, random up to this.
  std::size_t write_max = 65536;
  std::size_t read_max = 65536;
  // Bytes written and not yet back; a message's size makes it request and response.
  std::uint64_t in_flight_max = kNoLimit;
  Reading reading = Reading::kEager;
  Finish finish = Finish::kHalfClose;
};

class Exchange {
 public:
  Exchange();
  ~Exchange();

  void add(TestClient client, const StreamPlan& plan);

  // Runs until every stream has done what its plan says (those that never read: are let run
  // meanwhile). Throws ClientError at the first wrong byte, early end, or standstill.
  void run();
  // Runs until no stream has moved a byte for a while: the never-readers are then full.
  void run_until_still();

  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }
  [[nodiscard]] std::uint64_t bytes_checked() const { return bytes_checked_; }
  // The clients of streams that kept their connection or never read, for the test to go on with.
  [[nodiscard]] TestClient& client(std::size_t index);

 private:
  struct Stream;

  [[nodiscard]] bool wait(int timeout_ms);
  void all_full();
  void pump(Stream& stream, unsigned events);
  void broken(Stream& stream);
  void write_some(Stream& stream);
  void read_some(Stream& stream);
  void all_written(Stream& stream);
  void peer_ended(Stream& stream);
  void settle(Stream& stream);
  void update_interest(Stream& stream);
  [[noreturn]] void give_up() const;

  int epoll_fd_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::byte> scratch_;
  std::size_t unfinished_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t bytes_checked_ = 0;
};

// One client through one plan.
void run_stream(const Address& to, const StreamPlan& plan,
                const TestClient::Options& options = TestClient::Options{});

}  // namespace ouro::test
