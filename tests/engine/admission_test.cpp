// Admission: a program decides about every fresh connection.
#include <unistd.h>

#include <functional>
#include <vector>

#include "support/checked_handler.h"
#include "support/engine_test.h"
#include "support/exchange.h"
#include "support/worker_thread.h"

namespace ouro::test {
namespace {

// Says what it was told to say, and counts.
class ScriptedAdmission final : public Admission {
 public:
  std::function<Verdict(int)> decide = [](int) { return Verdict::kServe; };
  std::atomic<int> asked{0};
  std::atomic<int> gone{0};

  Verdict admit(int fd, Handler&) override {
    ++asked;
    return decide(fd);
  }
  void left() override { ++gone; }
};

using Verdict = Admission::Verdict;

class AdmissionTest : public EngineTest {
 protected:
  static void install(WorkerThread& server, ScriptedAdmission& admission) {
    server.on_worker([&](Worker& worker) { worker.set_admission(&admission); });
  }
};

TEST_P(AdmissionTest, everyone_admitted_is_served_and_leaves_once) {
  ScriptedAdmission admission;
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  install(server, admission);
  for (std::uint64_t i = 0; i < 20; ++i) {
    run_stream(
        server.address(),
        {.stream = i, .bytes = 1000, .finish = i % 2 == 0 ? Finish::kHalfClose : Finish::kReset});
  }
  EXPECT_TRUE(eventually([&] { return admission.gone == 20; }));
  EXPECT_EQ(admission.asked, 20);
  EXPECT_EQ(handler.opened_count, 20U);
}

TEST_P(AdmissionTest, who_is_taken_never_reaches_the_handler_and_never_leaves) {
  std::vector<int> taken;
  ScriptedAdmission admission;
  admission.decide = [&](int fd) {
    taken.push_back(fd);
    return Verdict::kTaken;
  };
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  install(server, admission);
  auto client = server.connect();
  EXPECT_TRUE(eventually([&] { return admission.asked == 1; }));
  server.on_worker([&](Worker&) {  // the descriptor is ours now, and alive
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(::write(taken[0], "mine", 4), 4);
    ::close(taken[0]);
  });
  EXPECT_EQ(client.receive_until_end().size(), 4U);
  server.stop();
  EXPECT_EQ(handler.opened_count, 0U);
  EXPECT_EQ(admission.gone, 0);
}

TEST_P(AdmissionTest, a_taken_descriptor_may_be_served_by_another_worker) {
  CheckedHandler front_handler;
  CheckedHandler back_handler;
  WorkerThread back(options(), back_handler);
  ScriptedAdmission admission;
  admission.decide = [&](int fd) {
    back.on_worker([&](Worker& worker) { worker.serve(fd, back_handler); });
    return Verdict::kTaken;
  };
  WorkerThread front(options(), front_handler);
  install(front, admission);
  for (std::uint64_t i = 0; i < 20; ++i) {
    run_stream(front.address(), {.stream = i, .bytes = 100'000});
  }
  EXPECT_EQ(front_handler.opened_count, 0U);
  EXPECT_EQ(back_handler.opened_count, 20U);
}

TEST_P(AdmissionTest, who_must_wait_is_served_at_readmission_in_order) {
  std::atomic<int> room{0};
  ScriptedAdmission admission;
  admission.decide = [&](int) { return room-- > 0 ? Verdict::kServe : Verdict::kWait; };
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  install(server, admission);
  std::vector<TestClient> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(server.connect());
    clients.back().send_all("hello");
  }
  ASSERT_TRUE(eventually([&] { return admission.asked > 0; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(handler.opened_count, 0U);
  EXPECT_LE(admission.asked, 40) << "accepting goes on while connections wait";
  server.on_worker([&](Worker& worker) {
    EXPECT_EQ(worker.waiting_count(), static_cast<std::size_t>(admission.asked));
    worker.readmit();  // until they are asked again, they wait
    EXPECT_EQ(worker.waiting_count(), static_cast<std::size_t>(admission.asked));
  });

  EXPECT_TRUE(eventually([&] {
    room = 7;
    server.on_worker([](Worker& worker) { worker.readmit(); });
    return handler.data_count == 100;
  }));
  for (auto& client : clients) EXPECT_EQ(client.receive_text(5), "hello");
}

TEST_P(AdmissionTest, readmission_from_inside_a_call_opens_nobody_before_it_returns) {
  std::atomic<bool> full{false};
  ScriptedAdmission admission;
  admission.decide = [&](int) { return full.exchange(true) ? Verdict::kWait : Verdict::kServe; };
  CheckedHandler handler;  // which reports opened() inside closed()
  handler.on_closed = [&](Connection& connection, Errc) {
    full = false;
    connection.worker().readmit();
  };
  WorkerThread server(options(), handler);
  install(server, admission);
  std::vector<TestClient> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(server.connect());
  for (auto& client : clients) {  // one leaves, one is let in
    client.send_all("my turn");
    EXPECT_EQ(client.receive_text(7), "my turn");
    client.close();
  }
  EXPECT_TRUE(eventually([&] { return handler.closed_count == 10; }));
}

TEST_P(AdmissionTest, waiting_costs_no_turns) {
  ScriptedAdmission admission;
  admission.decide = [](int) { return Verdict::kWait; };
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  install(server, admission);
  const auto client = server.connect();
  ASSERT_TRUE(eventually([&] { return admission.asked > 0; }));
  const std::uint64_t before = server.counters().turns.get();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(server.counters().turns.get() - before, 50U);
}

TEST_P(AdmissionTest, who_gives_up_while_waiting_harms_nobody) {
  std::atomic<bool> open{false};
  ScriptedAdmission admission;
  admission.decide = [&](int) { return open ? Verdict::kServe : Verdict::kWait; };
  CheckedHandler handler;
  WorkerThread server(options(), handler);
  install(server, admission);
  for (int i = 0; i < 10; ++i) server.connect().reset();
  auto patient = server.connect();
  patient.send_all("still here");
  ASSERT_TRUE(eventually([&] { return admission.asked > 0; }));
  open = true;
  EXPECT_TRUE(eventually([&] {
    server.on_worker([](Worker& worker) { worker.readmit(); });
    return handler.data_count == 1;
  }));
  EXPECT_EQ(patient.receive_text(10), "still here");
}

TEST_P(AdmissionTest, a_worker_may_be_destroyed_with_connections_waiting) {
  ScriptedAdmission admission;
  admission.decide = [](int) { return Verdict::kWait; };
  CheckedHandler handler;
  std::vector<TestClient> clients;
  {
    WorkerThread server(options(), handler);
    install(server, admission);
    for (int i = 0; i < 10; ++i) clients.push_back(server.connect());
    ASSERT_TRUE(eventually([&] { return admission.asked > 0; }));
  }
  for (auto& client : clients) (void)client.wait_for_end();
}

OURO_ON_ENGINES(AdmissionTest);

}  // namespace
}  // namespace ouro::test
