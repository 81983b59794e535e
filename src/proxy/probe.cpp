#include "proxy/probe.h"

#include <utility>

namespace ouro::proxy {

Probe::Probe(Worker& worker, std::shared_ptr<const CheckPlan> plan, std::string host, Judged judged,
             Over over)
    : worker_(worker),
      plan_(std::move(plan)),
      host_(std::move(host)),
      judged_(std::move(judged)),
      over_(std::move(over)),
      expected_(plan_->health.expect),
      deadline_(worker, [this] {
        judge("timed out");
        if (connection_ != nullptr) connection_->abort(Errc::kTimedOut);
      }) {}

bool Probe::begin(const Address& to) {
  ConnectOptions options;
  options.timeout = plan_->health.timeout;
  options.source = plan_->source.value_or(Address{});
  const auto connection = worker_.connect(to, *this, options);
  if (!connection) return false;
  connection_ = *connection;
  deadline_.start(plan_->health.timeout);
  return true;
}

void Probe::forget() {
  judged_ = nullptr;
  if (connection_ != nullptr) connection_->abort();
}

void Probe::opened(Connection& connection) {
  if (plan_->health.check == Check::kConnect) {
    judge("");
    return connection.close();
  }
  const std::string text = request();
  connection.send(std::as_bytes(std::span(text)));
}

std::string Probe::request() const {
  if (plan_->health.check == Check::kExchange) return plan_->health.send;
  return "GET " + plan_->health.path + " HTTP/1.1\r\nHost: " + host_ +
         "\r\nUser-Agent: ouro-health\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

void Probe::data(Connection& connection, Buffer buffer) {
  if (judged_ == nullptr) return;
  const auto bytes = buffer.bytes();
  const std::string_view piece(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool http = plan_->health.check == Check::kHttp;
  const Verdict verdict = http ? status_.read(piece) : expected_.read(piece);
  if (verdict == Verdict::kNeedMore) return;
  if (verdict == Verdict::kBad) {
    judge(http ? "the answer is not HTTP/1" : "the answer is not what is expected");
  } else {
    judge(http ? judge_status() : "");
  }
  connection.close();
}

std::string Probe::judge_status() {
  const bool good = is_good_status(status_.status(), plan_->health.status);
  return good ? "" : "status " + std::to_string(status_.status());
}

void Probe::ended(Connection& connection) {
  judge("the answer is not what is expected");
  connection.close();
}

void Probe::closed(Connection&, Errc reason) {
  connection_ = nullptr;
  if (reason == Errc::kNoDescriptors || reason == Errc::kNoMemory) {
    judge(std::nullopt);
  } else {
    judge(reason == Errc::kNone ? "the answer is not what is expected" : to_string(reason));
  }
  const Over over = over_;  // which does not outlive it
  over(*this);
}

void Probe::judge(const std::optional<std::string>& why) {
  deadline_.stop();
  if (const Judged judged = std::exchange(judged_, nullptr)) judged(why);
}

}  // namespace ouro::proxy
