// One check of one server: connects, says what is to be said, and judges the answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ouro/handler.h"
#include "ouro/worker.h"
#include "proxy/check_answer.h"
#include "proxy/config/config.h"

namespace ouro::proxy {

// What a check consists of; for all servers of an upstream.
struct CheckPlan {
  HealthConfig health;
  std::optional<Address> source;  // to connect from
  // What a check of the servers' own address begins with: there nothing is understood without it.
  ProxyHeaderOut send_proxy = ProxyHeaderOut::kOff;
};

// Owned by whoever checks, until it is over.
class Probe final : public Handler {
 public:
  // Why the server is not good; empty: it is. Nothing: this machine is short of something, which
  // says nothing of the server.
  using Judged = std::function<void(const std::optional<std::string>& why)>;
  // It is over, and is to be deleted.
  using Over = std::function<void(Probe& probe)>;

  // `own_address`: it goes to where clients are sent.
  Probe(Worker& worker, std::shared_ptr<const CheckPlan> plan, std::string host, bool own_address,
        Judged judged, Over over);

  // False: this machine cannot connect now, which says nothing of the server; it is over.
  [[nodiscard]] bool begin(const Address& to);
  // Nobody wants to know any more.
  void forget();

  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void ended(Connection& connection) override;
  void closed(Connection& connection, Errc reason) override;

 private:
  [[nodiscard]] std::string header() const;
  [[nodiscard]] std::string request() const;
  void judge(const std::optional<std::string>& why);
  [[nodiscard]] std::string judge_status();
  void judge_answer(std::string_view why);

  Worker& worker_;
  const std::shared_ptr<const CheckPlan> plan_;
  const std::string host_;
  const bool own_address_;
  Judged judged_;  // null once it has judged
  Over over_;
  Connection* connection_ = nullptr;
  ExpectedText expected_;
  StatusLine status_;
  std::string received_;  // how it begins
  Timer deadline_;
};

}  // namespace ouro::proxy
