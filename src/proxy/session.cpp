#include "proxy/session.h"

#include <utility>

#include "proxy/service.h"
#include "proxy/wire/address_bytes.h"
#include "proxy/wire/proxy_header.h"

namespace ouro::proxy {
namespace {

// It is this machine's fault, and another server would be no better off.
bool is_hopeless(Errc reason) noexcept {
  return reason == Errc::kNoDescriptors || reason == Errc::kNoMemory;
}

// Not so when the ports to connect from are used up.
bool is_its_fault(Errc reason) noexcept {
  return !is_hopeless(reason) && reason != Errc::kBadAddress;
}

// Servers' connections are what clients' connections are. Who is cut anyway when it has been quiet
// for a while need not be asked whether it is still there.
ConnectOptions like_a_client(milliseconds idle_timeout) {
  constexpr std::chrono::minutes kAWhile{10};
  ConnectOptions options;
  const ListenOptions likewise;
  if (idle_timeout.count() == 0 || idle_timeout > kAWhile) {
    options.keepalive_idle = likewise.keepalive_idle;
  }
  options.kernel_unsent_bytes = likewise.kernel_unsent_bytes;
  return options;
}

// Nobody but the worker itself, when it has to leave, cuts a session without having said why.
Cause cause_of(Errc reason, Side side) noexcept {
  if (reason == Errc::kTimedOut) return Cause::kIdle;
  if (reason == Errc::kAborted) return Cause::kDrained;
  return side == Side::kClient ? Cause::kClient : Cause::kServer;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

Session::Prelude::Prelude(Session& session)
    : deadline(session.client_->worker(), [&session] { session.refuse(Cause::kPreludeTimeout); }) {}

Session::Session(Service& service, const Arrival& arrival, Connection& client,
                 const Address& source)
    : service_(service),
      client_(&client),
      generation_(arrival.generation),
      entry_(arrival.entry),
      source_(source),
      listener_name_(arrival.entry->name()),
      half_closed_(arrival.generation->config().timeouts.half_closed) {
  end_.listener = arrival.listener;
  end_.begin(client.worker().now_ns());
  client.set_handler(*this);
}

Session::~Session() = default;

void Session::begin() {
  const TimeoutsConfig& timeouts = generation_->config().timeouts;
  if (timeouts.total.count() > 0) {
    total_ = std::make_unique<Timer>(client_->worker(), [this] { cut(Cause::kTotalTimeout); });
    total_->start(timeouts.total);
  }
  // Otherwise the header is to say who it is.
  if (!entry_->expects_header() && !admit()) return;
  if (!entry_->expects_header() && !entry_->expects_hello()) return enter();
  prelude_ = std::make_unique<Prelude>(*this);
  prelude_->header_read = !entry_->expects_header();
  prelude_->deadline.start(timeouts.header);
}

// Whether the client may come in; once for each, as soon as it is known who it is.
bool Session::admit() {
  const Cause refusal =
      entry_->admits(source_) ? service_.admit_client(source_, place_) : Cause::kDenied;
  if (refusal != Cause::kDone) refuse(refusal);
  return refusal == Cause::kDone;
}

// The client is not read from until there is somebody to read it.
void Session::enter() {
  client_->pause();
  if (entry_->expects_header() && !admit()) return;
  if (!entry_->expects_hello()) upstream_ = entry_->default_upstream();
  if (upstream_ == nullptr) return refuse(Cause::kNoRoute);
  upstream_->connection_begun();
  choose();
}

void Session::choose() {
  state_ = State::kWaiting;
  if (end_.phase == Phase::kHeader) enter_phase(Phase::kQueue);
  const auto choice = upstream_->choose(client_hash(source_), tried_);
  switch (choice.outcome) {
    case Upstream::Outcome::kChosen:
      chosen_ = choice.server;
      slot_ = upstream_->server(chosen_).slot;
      account_ = &upstream_->account(chosen_);
      return connect();
    case Upstream::Outcome::kFull:
      enter_phase(Phase::kQueue);
      if (!upstream_->wait(*this)) refuse(Cause::kQueueFull);
      return;
    case Upstream::Outcome::kNobody:
      return refuse(tried_.empty() ? Cause::kNoServer : Cause::kConnectFailed);
  }
}

void Session::connect() {
  state_ = State::kConnecting;
  enter_phase(Phase::kConnect);
  const UpstreamConfig& config = upstream_->config();
  ConnectOptions options = like_a_client(idle_timeout());
  options.timeout = config.connect_timeout.value_or(generation_->config().timeouts.connect);
  options.source = config.source.value_or(Address{});
  options.source_port_first = config.source_port_first;
  options.source_port_last = config.source_port_last;
  server_name_ = upstream_->server(chosen_).name;
  const auto connection = client_->worker().connect(server_name_->address, *this, options);
  if (!connection) return connect_failed(connection.error().code);
  server_ = *connection;
}

milliseconds Session::idle_timeout() const {
  return upstream_->config().idle_timeout.value_or(generation_->config().timeouts.idle);
}

void Session::connect_failed(Errc reason) {
  end_.reason = reason;
  if (is_its_fault(reason)) upstream_->failed(chosen_);
  leave_server();
  if (client_ == nullptr) return;
  tried_.push_back(chosen_);
  const bool may = tried_.size() <= upstream_->config().retries && upstream_->may_retry();
  if (is_hopeless(reason) || !may) return refuse(Cause::kConnectFailed);
  ++end_.retries;
  choose();
}

void Session::opened(Connection&) { server_is_there(); }

void Session::server_is_there() {
  state_ = State::kForwarding;
  end_.reason = Errc::kNone;  // of a server that was tried before
  enter_phase(client_ended_ ? Phase::kEnd : Phase::kData);
  upstream_->connected(chosen_);
  greet_server();
  client_->set_idle_timeout(idle_timeout());
  const bool in_kernel = upstream_->config().forward == Forward::kSplice;
  spliced_ = in_kernel && client_->splice_with(*server_);
  if (!spliced_) client_->pair_with(*server_);
  if (spliced_) service_.splicing_begun();
  client_->resume();
  if (client_ended_) pass_end_to(*server_);
  upstream_ = nullptr;
  entry_ = nullptr;
  generation_.reset();
}

// What it has to know first, and what the client has said already.
void Session::greet_server() {
  const ProxyHeaderOut version = upstream_->config().send_proxy;
  if (version != ProxyHeaderOut::kOff) {
    const Address local = client_->local();
    const bool told = destination_.family() != Address::Family::kNone;
    const Address& destination = told ? destination_ : local;
    ProxyHeaderBuffer buffer;
    ProxyHeaderExtras extras;
    if (prelude_ != nullptr) extras.authority = prelude_->hello.host();
    const std::string_view header =
        version == ProxyHeaderOut::kV1
            ? write_proxy_header_v1(buffer, source_, destination)
            : write_proxy_header_v2(buffer, source_, destination, extras);
    server_->send(bytes_of(header));
  }
  if (prelude_ == nullptr) return;
  if (service_.logs_access()) host_ = prelude_->hello.host();
  server_->send(bytes_of(prelude_->received));
  prelude_.reset();
  count_bytes();
}

void Session::count_bytes() {
  if (state_ != State::kForwarding) return;
  const auto count = [](Connection* connection, std::uint64_t& counted, Counter& counter) {
    if (connection == nullptr) return;
    counter.add(connection->received_bytes() - counted);
    counted = connection->received_bytes();
  };
  count(client_, client_counted_, account_->bytes_to_server);
  count(server_, server_counted_, account_->bytes_to_client);
}

void Session::data(Connection& connection, Buffer buffer) {
  if (state_ == State::kForwarding) {
    count_bytes();
    Connection* other = &connection == client_ ? server_ : client_;
    if (other != nullptr) other->send(std::move(buffer));
    return;
  }
  // Beyond the prelude there may be what came before the pause was heard.
  if (prelude_ == nullptr) return;
  const auto bytes = buffer.bytes();
  prelude_->received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (state_ == State::kPrelude) read_prelude();
}

void Session::read_prelude() {
  if (!prelude_->header_read && !read_header()) return;
  if (entry_->expects_hello() && !read_hello()) return;
  prelude_->deadline.stop();
  enter();
}

// False: there is more to come, or the session has ended.
bool Session::read_header() {
  const ParsedProxyHeader parsed = parse_proxy_header(prelude_->received);
  if (parsed.state == Parse::kWrong) refuse(Cause::kBadHeader);
  if (parsed.state != Parse::kDone) return false;
  prelude_->header_read = true;
  if (!parsed.header.local) {
    source_ = parsed.header.source;
    destination_ = parsed.header.destination;
  }
  prelude_->received.erase(0, parsed.size);
  client_counted_ = parsed.size;
  return true;
}

bool Session::read_hello() {
  using Read = ClientHelloReader::State;
  const Read read = prelude_->reader.read(prelude_->received, prelude_->hello);
  if (read == Read::kNeedMore) return false;
  if (read == Read::kWrong) {
    refuse(Cause::kBadHello);
    return false;
  }
  upstream_ = entry_->upstream_for(prelude_->hello.host());
  return true;
}

void Session::ended(Connection& connection) {
  const bool by_client = &connection == client_;
  if (end_.first_end == Side::kProxy) end_.first_end = by_client ? Side::kClient : Side::kServer;
  if (state_ != State::kForwarding) {
    client_ended_ = true;
    if (state_ == State::kPrelude) refuse(Cause::kClient);
    return;
  }
  enter_phase(Phase::kEnd);
  Connection* other = by_client ? server_ : client_;
  if (other != nullptr) pass_end_to(*other);
}

// From now on who is silent is so for a shorter time.
void Session::pass_end_to(Connection& other) {
  other.finish();
  if (half_closed_.count() > 0 && client_ != nullptr) client_->set_idle_timeout(half_closed_);
}

void Session::closed(Connection& connection, Errc reason) {
  count_bytes();
  if (&connection == client_) {
    end_.to_client_bytes = connection.sent_bytes();
    client_ = nullptr;
    if (linked()) upstream_->stop_waiting(*this);
    if (state_ != State::kOver) side_ended(Side::kClient, server_, reason);
    return over_if_alone();
  }
  end_.to_server_bytes = connection.sent_bytes();
  server_ = nullptr;
  if (state_ == State::kConnecting && client_ != nullptr) return connect_failed(reason);
  leave_server();
  if (client_ != nullptr) side_ended(Side::kServer, client_, reason);
  over_if_alone();
}

// One side is gone. The other is told in the same way: an end as an end, anything else as a reset,
// so that nobody takes half a stream for a whole one.
void Session::side_ended(Side side, Connection* other, Errc reason) {
  if (!end_.known && reason != Errc::kNone) {
    end_.reason = reason;
    end_.set_cause(cause_of(reason, side));
  }
  if (other == nullptr) return;
  if (state_ == State::kConnecting) return other->abort(reason);
  reason == Errc::kNone ? other->close() : other->abort_when_sent(reason);
}

void Session::refuse(Cause cause) {
  if (end_.known) return;
  end_.set_cause(cause);
  state_ = State::kOver;
  if (client_ != nullptr) client_->abort(Errc::kRefused);
}

void Session::cut(Cause cause) {
  count_bytes();
  end_.set_cause(cause);
  state_ = State::kOver;
  if (linked()) upstream_->stop_waiting(*this);
  if (client_ != nullptr) client_->abort(Errc::kTimedOut);
  if (server_ != nullptr) server_->abort(Errc::kTimedOut);
}

void Session::leave_server() {
  if (slot_) service_.leave_server(*std::exchange(slot_, std::nullopt));
}

AccessRecord Session::access_record() const {
  AccessRecord record{.end = end_, .client = source_, .listener = *listener_name_};
  if (server_name_ != nullptr) {
    record.server = server_name_->address;
    record.upstream = server_name_->upstream;
  } else if (upstream_ != nullptr) {
    record.upstream = upstream_->config().name;
  }
  record.host = prelude_ != nullptr ? prelude_->hello.host() : std::string_view(host_);
  return record;
}

void Session::enter_phase(Phase phase) { end_.move_to(phase, service_.now_ns()); }

// The last thing it does.
void Session::over_if_alone() {
  if (client_ != nullptr || server_ != nullptr) return;
  end_.over(service_.now_ns());
  if (service_.logs_access()) service_.log_access(access_record());
  service_.client_left(place_);
  if (spliced_) service_.splicing_over();
  service_.session_over(*this, end_);
}

}  // namespace ouro::proxy
