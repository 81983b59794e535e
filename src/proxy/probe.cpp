#include "proxy/probe.h"

#include <utility>

#include "proxy/wire/proxy_header.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kAnswerShown = 40;
constexpr std::string_view kUnexpected = "the answer is not what is expected";

}  // namespace

Probe::Probe(Worker& worker, std::shared_ptr<const CheckPlan> plan, std::string host,
             bool own_address, Judged judged, Over over)
    : worker_(worker),
      plan_(std::move(plan)),
      host_(std::move(host)),
      own_address_(own_address),
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
  const std::string begin = header();
  connection.send(std::as_bytes(std::span(begin)));
  if (plan_->health.check == Check::kConnect) {
    judge("");
    return connection.close();
  }
  const std::string text = request();
  connection.send(std::as_bytes(std::span(text)));
}

// It comes from the proxy itself, and speaks for nobody.
std::string Probe::header() const {
  const ProxyHeaderOut version = own_address_ ? plan_->send_proxy : ProxyHeaderOut::kOff;
  ProxyHeaderBuffer buffer;
  switch (version) {
    case ProxyHeaderOut::kOff:
      return {};
    case ProxyHeaderOut::kV1:
      return std::string(write_proxy_header_v1(buffer, {}, {}));
    case ProxyHeaderOut::kV2:
      return std::string(write_proxy_header_v2(buffer, {}, {}, {}));
  }
  return {};
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
  received_ += piece.substr(0, kAnswerShown - received_.size());
  const bool http = plan_->health.check == Check::kHttp;
  const Verdict verdict = http ? status_.read(piece) : expected_.read(piece);
  if (verdict == Verdict::kNeedMore) return;
  if (verdict == Verdict::kBad) {
    judge_answer(http ? "the answer is not HTTP/1" : kUnexpected);
  } else {
    judge(http ? judge_status() : "");
  }
  connection.close();
}

std::string Probe::judge_status() {
  const bool good = is_good_status(status_.status(), plan_->health.status);
  return good ? "" : "status " + std::to_string(status_.status());
}

void Probe::judge_answer(std::string_view why) {
  const std::string shown = printable(received_);
  judge(std::string(why) + (shown.empty() ? "" : ": ") + shown);
}

void Probe::ended(Connection& connection) {
  judge_answer(kUnexpected);
  connection.close();
}

void Probe::closed(Connection&, Errc reason) {
  connection_ = nullptr;
  if (reason == Errc::kNoDescriptors || reason == Errc::kNoMemory) {
    judge(std::nullopt);
  } else if (reason == Errc::kNone) {
    judge_answer(kUnexpected);
  } else {
    judge(to_string(reason));
  }
  const Over over = over_;  // which does not outlive it
  over(*this);
}

void Probe::judge(const std::optional<std::string>& why) {
  deadline_.stop();
  if (const Judged judged = std::exchange(judged_, nullptr)) judged(why);
}

}  // namespace ouro::proxy
