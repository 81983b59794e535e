// A session is run again and again; each time another of the engine's calls fails, in each way in
// which it can fail, until every call has had its turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "failing/calls.h"
#include "ouro/ouro.h"
#include "support/checked_handler.h"
#include "support/client.h"
#include "support/engine_test.h"
#include "support/pattern.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

constexpr std::size_t kMessage = 3000;
constexpr std::size_t kStream = 400'000;

// What a client saw of its connection. One failure may break one connection; it never changes a
// byte, and what was not broken arrives whole.
struct Seen {
  int broken = 0;
  int wrong = 0;
};

void request_and_response(const Address& to, std::uint64_t stream, Seen& seen) {
  const auto sent = make_pattern(stream, 0, kMessage);
  try {
    TestClient client = TestClient::connect(to);
    client.send_all(sent);
    const auto back = client.receive_exactly(sent.size());
    if (back != sent) ++seen.wrong;
    client.half_close();
    if (!client.receive_until_end().empty()) ++seen.wrong;
  } catch (const ClientError&) {
    ++seen.broken;
  }
}

// Fills everything between the two before it reads: sends come up short and wait for room.
void stream_to_a_full_pipe(const Address& to, std::uint64_t stream, Seen& seen) {
  const auto sent = make_pattern(stream, 0, kStream);
  std::vector<std::byte> back;
  try {
    TestClient client = TestClient::connect(to, {.receive_buffer = 4096, .send_buffer = 4096});
    std::size_t written = 0;
    std::array<std::byte, 8192> piece{};
    while (back.size() < sent.size()) {
      const std::size_t taken =
          written < sent.size() ? client.try_send(std::span(sent).subspan(written)) : 0;
      written += taken;
      if (taken > 0) continue;
      const auto got = client.try_receive(piece);
      if (got == 0) throw ClientError("an early end");
      if (got) back.insert(back.end(), piece.begin(), piece.begin() + static_cast<long>(*got));
      if (!got) sleep_briefly();
    }
  } catch (const ClientError&) {
    ++seen.broken;
  }
  if (!std::equal(back.begin(), back.end(), sent.begin())) ++seen.wrong;
}

class FailingTest : public EngineTest {
 protected:
  // Gives what failed; checks that nothing else did.
  static failing::Report run_session(std::uint64_t call, std::uint64_t way) {
    CheckedHandler handler;
    WorkerOptions with = options();
    with.laboratory.restrictions = false;  // a failing operation is one that does nothing
    WorkerThread worker(with, handler);
    TestClient bystander = worker.connect();
    bystander.send_all("before");
    EXPECT_EQ(bystander.receive_text(6), "before");

    failing::arm(call, way);
    Seen seen;
    request_and_response(worker.address(), 1, seen);
    stream_to_a_full_pipe(worker.address(), 2, seen);
    TestClient rude = worker.connect();
    rude.send_all("never read");
    rude.reset();
    request_and_response(worker.address(), 3, seen);
    const failing::Report report = failing::disarm();

    const std::string what = report.call + " " + std::to_string(call) + " fails with errno " +
                             std::to_string(report.error);
    EXPECT_EQ(seen.wrong, 0) << what;
    EXPECT_LE(seen.broken, report.has_way ? 1 : 0) << what;
    Seen after;
    request_and_response(worker.address(), 4, after);
    EXPECT_EQ(after.broken + after.wrong, 0) << "after " << what;
    EXPECT_NO_THROW(bystander.send_all("after")) << what;
    EXPECT_NO_THROW(EXPECT_EQ(bystander.receive_text(5), "after") << what) << what;
    bystander.close();
    EXPECT_TRUE(eventually([&] { return handler.closed_count == handler.opened_count; })) << what;
    worker.stop();
    EXPECT_EQ(worker.counters().connections_open.get(), 0u) << what;
    EXPECT_EQ(worker.counters().unsent_bytes.get(), 0u) << what;
    return report;
  }
};

OURO_ON_ENGINES(FailingTest);

TEST_P(FailingTest, whatever_fails_breaks_one_connection_at_most_and_changes_no_byte) {
  std::map<std::string, int> failed;
  for (std::uint64_t call = 0, way = 0; !HasFailure();) {
    about_to_try("call " + std::to_string(call) + ", way " + std::to_string(way));
    const failing::Report report = run_session(call, way);
    if (report.call.empty()) break;
    if (report.has_way) {
      ++failed[report.call];
      ++way;
    } else {
      ++call;
      way = 0;
    }
  }
  for (const auto& [call, count] : failed) RecordProperty(call, count);
  for (const char* call : {"receive", "send", "accept"}) EXPECT_GT(failed[call], 8) << call;
}

}  // namespace
}  // namespace ouro::test
