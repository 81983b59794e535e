// One client and the server it was connected with.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ouro/connection.h"
#include "ouro/handler.h"
#include "proxy/access/record.h"
#include "proxy/generation.h"
#include "proxy/wire/client_hello.h"

namespace ouro::proxy {

class Service;

// The way a client has come.
struct Arrival {
  host::ListenerId listener = 0;
  std::shared_ptr<Generation> generation;
  const Entry* entry = nullptr;  // of the generation
};

// Life: prelude (what the client has to say before a server can be chosen) -> choosing, waiting,
// connecting -> forwarding -> over, when both connections have ended. Owned by its worker's
// Service, which it tells when it is over. What one side sends is sent on to the other without a
// copy; ends and resets pass each in its direction, behind the last byte.
class Session final : public Handler, private Waiter {
 public:
  // Takes over the client's connection, which is just being opened.
  Session(Service& service, const Arrival& arrival, Connection& client, const Address& source);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void begin();

  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void ended(Connection& connection) override;
  void closed(Connection& connection, Errc reason) override;

  // What has been received since the last time, spliced bytes too, is the server's to account for.
  void count_bytes();
  // Ends both sides with a reset: its server is down, or its time is over.
  void cut(Cause cause);
  // Where it has a place, once it has.
  [[nodiscard]] std::optional<Slot> server_slot() const noexcept { return slot_; }

  std::uint32_t number = 0;  // of its place in the service

 private:
  enum class State : std::uint8_t { kPrelude, kWaiting, kConnecting, kForwarding, kOver };
  // What the client has sent before there was a server to send it to.
  struct Prelude {
    explicit Prelude(Session& session);
    std::string received;
    bool header_read = false;
    ClientHelloReader reader;
    ClientHello hello;
    Timer deadline;
  };

  [[nodiscard]] bool admit();
  void read_prelude();
  [[nodiscard]] bool read_header();
  [[nodiscard]] bool read_hello();
  void enter();
  void choose();
  void connect();
  [[nodiscard]] milliseconds idle_timeout() const;
  void connect_failed(Errc reason);
  void server_is_there();
  void greet_server();
  void pass_end_to(Connection& other);
  void refuse(Cause cause);
  void side_ended(Side side, Connection* other, Errc reason);
  void enter_phase(Phase phase);
  [[nodiscard]] AccessRecord access_record() const;
  void over_if_alone();
  void place_may_be_free() override { choose(); }
  void waited_too_long() override { refuse(Cause::kQueueTimeout); }

  void leave_server();

  Service& service_;
  Connection* client_;
  Connection* server_ = nullptr;
  // The config it is to find its server by; let go once it has.
  std::shared_ptr<Generation> generation_;
  const Entry* entry_;
  Upstream* upstream_ = nullptr;
  Address source_;
  Address destination_;  // as a PROXY header said
  std::unique_ptr<Prelude> prelude_;
  std::unique_ptr<Timer> total_;
  std::vector<unsigned> tried_;
  unsigned chosen_ = 0;               // server of the upstream
  ClientLimits::Place place_;         // among the counted clients
  std::optional<Slot> slot_;          // a place at this server is taken
  ServerAccount* account_ = nullptr;  // of the server, once there is one
  std::uint64_t client_counted_ = 0;  // bytes received; a header that was taken off among them
  std::uint64_t server_counted_ = 0;
  bool spliced_ = false;
  // For the access log, beyond the config that they are from.
  std::shared_ptr<const std::string> listener_name_;
  std::shared_ptr<const ServerName> server_name_;  // the last that was tried
  std::string host_;                               // that the client asked for
  milliseconds half_closed_{0};
  State state_ = State::kPrelude;
  bool client_ended_ = false;  // before there was a server to tell
  SessionEnd end_;
};

}  // namespace ouro::proxy
