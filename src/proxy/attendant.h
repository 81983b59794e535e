// The proxy in the attendant's process: what is known of servers without their connections, which
// of them are to be left alone, and the access log.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/application.h"
#include "proxy/access/log.h"
#include "proxy/blueprint.h"
#include "proxy/health.h"
#include "proxy/names.h"
#include "proxy/steering.h"

namespace ouro::proxy {

class Attendant final : public host::AttendantService {
 public:
  // `shared` and `rings` outlive it. What the one before it had found out is in there.
  // `stdout_kind`: it cannot ask any more.
  Attendant(Blueprint blueprint, const Shared& shared, const LogRings& rings,
            os::OutputKind stdout_kind, Worker& worker);

  void reconfigure(std::string_view plan) override;
  void use_files(std::vector<os::Fd>&& files) override;
  void append_metrics(std::string& page) const override;
  Facts facts() const override;
  std::string servers() const override { return steering_.servers_json(); }
  Steered set_draining(const std::string& server, bool draining) override {
    return steering_.set_draining(server, draining);
  }
  void leave(const std::function<void()>& done) override;

 private:
  void follow();
  void drain_log();

  const Shared& shared_;
  Blueprint blueprint_;
  std::unique_ptr<Resolver> resolver_;
  HealthChecks health_;
  Names names_;
  Steering steering_;
  const os::OutputKind stdout_kind_;
  AccessLog log_;
  Timer log_timer_;
  std::function<void()> left_;  // called once there is nothing more to write
};

}  // namespace ouro::proxy
