// `ouro proxy` as the host runs it.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/host.h"
#include "os/output.h"
#include "proxy/access/ring.h"
#include "proxy/service.h"

namespace ouro::proxy {

class Application final : public host::Application {
 public:
  // `engine` wins over what the config says. Fails, for each reason that can be found, when the
  // config is no good.
  using Made = std::expected<std::unique_ptr<Application>, std::vector<std::string>>;
  [[nodiscard]] static Made create(const std::string& config_path,
                                   std::optional<EngineChoice> engine);

  std::vector<host::ListenPlace> places() const override;
  std::string commit(std::span<const host::ListenerId> listeners) override;
  bool can_reload() const override { return true; }
  std::vector<std::string> reload() override;
  void abandon() override { wanted_.reset(); }
  Result<void> prepare(unsigned workers) override;
  void worker_died(unsigned worker) override { shared_.forget_worker(worker); }
  // Which servers drain.
  std::vector<std::string> bequest() const override;
  void inherit(const std::string& line) override;
  Result<std::vector<os::Fd>> open_files() override;
  // A reload may bring what it has to do at any time.
  bool needs_attendant() const override { return true; }
  std::unique_ptr<host::AttendantService> make_attendant_service(Worker& worker) override;
  std::unique_ptr<host::Service> make_service(const host::Seat& seat) override;

  // What the host is told, beside its version.
  [[nodiscard]] host::HostOptions host_options();

 private:
  Application(std::string config_path, std::optional<EngineChoice> engine)
      : config_path_(std::move(config_path)), engine_(engine) {}

  [[nodiscard]] std::vector<std::string> read(Blueprint& into) const;
  [[nodiscard]] bool give_slots(Blueprint& blueprint);
  [[nodiscard]] std::vector<Slot> free_slots() const;
  void tell_of_what_needs_a_restart(const Config& now) const;

  const std::string config_path_;
  const std::optional<EngineChoice> engine_;  // instead of what the file says
  Shared shared_;
  LogRings logs_;
  os::OutputKind stdout_kind_ = os::OutputKind::kOther;
  Blueprint blueprint_;                 // in force
  std::optional<Blueprint> wanted_;     // read, and not in force yet
  std::map<std::string, Slots> slots_;  // of servers, by upstream and address
  std::map<std::string, Slots> wanted_slots_;
  bool may_splice_ = false;  // what the workers' sandbox leaves them
};

}  // namespace ouro::proxy
