#include "proxy/application.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "os/environment.h"
#include "os/resolve.h"
#include "proxy/config/server_address.h"

namespace ouro::proxy {
namespace {

Result<Address> address_of(const ServerConfig& server) {
  const auto parsed = ServerAddress::parse(server.address);
  if (!parsed) return std::unexpected(parsed.error());
  switch (parsed->kind) {
    case ServerAddress::Kind::kAddress:
      return parsed->address;
    case ServerAddress::Kind::kName:
      return os::resolve(parsed->host, parsed->port);
    case ServerAddress::Kind::kService:
      return fail(Errc::kUnsupported, server.address + ": services cannot be looked up yet");
  }
  return Address{};
}

// What a config may say and this version does not do. Better refused than not done.
std::vector<ConfigError> not_done(const Config& config) {
  std::vector<ConfigError> errors;
  if (config.log.access != "off")
    errors.push_back({{}, "[log] access: there is no access log yet"});
  for (const UpstreamConfig& upstream : config.upstreams) {
    const auto refuse = [&](const char* what) {
      errors.push_back({upstream.place, fmt::format("upstream '{}': {}", upstream.name, what)});
    };
    if (upstream.health) refuse("there are no health checks yet");
    if (upstream.on_down != OnDown::kKeep) refuse("on_down needs health checks");
    if (upstream.forward != Forward::kCopy) refuse("forward can be \"copy\" alone");
  }
  return errors;
}

std::string words_of(const ConfigError& error) { return error.to_string(); }

}  // namespace

Application::Made Application::create(const std::string& config_path,
                                      std::optional<EngineChoice> engine) {
  std::unique_ptr<Application> application(new Application(config_path));
  if (auto wrong = application->read(application->blueprint_); !wrong.empty()) {
    return std::unexpected(std::move(wrong));
  }
  if (engine) application->blueprint_.config.workers.engine = *engine;
  return application;
}

// Gives what is wrong.
std::vector<std::string> Application::read(Blueprint& into) const {
  std::vector<std::string> wrong;
  into.files = load_config_files(config_path_, os::environment_variable);
  ReadConfig read = read_config(into.files, os::environment_variable);
  if (read.errors.empty()) read.errors = not_done(read.config);
  std::ranges::transform(read.errors, std::back_inserter(wrong), words_of);
  if (!wrong.empty()) return wrong;
  into.config = std::move(read.config);
  for (const UpstreamConfig& upstream : into.config.upstreams) {
    std::vector<Address>& addresses = into.addresses.emplace_back();
    for (const ServerConfig& server : upstream.servers) {
      const auto address = address_of(server);
      if (!address) wrong.push_back(ConfigError{server.place, address.error().what}.to_string());
      addresses.push_back(address.value_or(Address{}));
    }
  }
  return wrong;
}

std::vector<host::ListenPlace> Application::places() const {
  std::vector<host::ListenPlace> places;
  for (const ListenConfig& listen : (wanted_ ? *wanted_ : blueprint_).config.listeners) {
    host::ListenPlace& place = places.emplace_back();
    place.address = listen.address;
    place.options.backlog = listen.backlog;
  }
  return places;
}

std::vector<std::string> Application::reload() {
  Blueprint blueprint;
  std::vector<std::string> wrong = read(blueprint);
  if (wrong.empty() && !give_slots(blueprint)) {
    wrong.push_back(fmt::format(
        "too many servers have come and gone while connections to them last: there is room for {}",
        kServersMax));
  }
  if (wrong.empty()) wanted_ = std::move(blueprint);
  return wrong;
}

std::string Application::commit(std::span<const host::ListenerId> listeners) {
  if (wanted_) {
    tell_of_what_needs_a_restart(wanted_->config);
    blueprint_ = std::move(*wanted_);
    wanted_.reset();
    log::set_level(blueprint_.config.log.level);
  }
  slots_ = wanted_slots_;
  blueprint_.listeners.assign(listeners.begin(), listeners.end());
  return encode(blueprint_);
}

// A server that stays keeps its slot, and with it what is known of it. One that has gone gives it
// back when nobody is connected with it any more.
bool Application::give_slots(Blueprint& blueprint) {
  std::map<std::string, Slot>& slots = wanted_slots_;
  slots.clear();
  for (const UpstreamConfig& upstream : blueprint.config.upstreams) {
    std::vector<Slot>& of_upstream = blueprint.servers.emplace_back();
    for (const ServerConfig& server : upstream.servers) {
      const std::string key = upstream.name + '\n' + server.address;
      const auto known = slots_.find(key);
      const auto slot = known != slots_.end() ? std::optional(known->second) : free_slot();
      if (!slot) return false;
      if (known == slots_.end()) shared_.begin_server(*slot);
      of_upstream.push_back(*slot);
      slots[key] = *slot;
    }
  }
  return true;
}

std::optional<Slot> Application::free_slot() const {
  std::vector<bool> taken(kServersMax);
  for (const auto* slots : {&slots_, &wanted_slots_}) {
    for (const auto& [key, slot] : *slots) taken[slot] = true;
  }
  for (Slot slot = 0; slot < kServersMax; ++slot) {
    if (!taken[slot] && shared_.connections_of_server(slot) == 0) return slot;
  }
  return std::nullopt;
}

void Application::tell_of_what_needs_a_restart(const Config& now) const {
  const Config& before = blueprint_.config;
  const auto tell = [](const char* key) {
    log::warn("needs_a_restart", {{"key", key}, {"reason", "a reload does not change it"}});
  };
  if (now.workers.count != before.workers.count) tell("workers.count");
  if (now.workers.user != before.workers.user) tell("workers.user");
  if (now.workers.sandbox != before.workers.sandbox) tell("workers.sandbox");
  if (now.admin != before.admin) tell("admin.address");
  if (now.limits.window_bytes != before.limits.window_bytes) tell("limits.window");
  if (now.limits.max_connections != before.limits.max_connections) tell("limits.max_connections");
  if (now.timeouts.drain != before.timeouts.drain) tell("timeouts.drain");
  if (now.timeouts.drain_delay != before.timeouts.drain_delay) tell("timeouts.drain_delay");
}

Result<void> Application::prepare(unsigned workers) {
  auto shared = Shared::create(workers);
  if (!shared) return std::unexpected(shared.error());
  shared_ = std::move(*shared);
  if (!give_slots(blueprint_)) return fail(Errc::kNoMemory, "there are too many servers");
  return {};
}

std::unique_ptr<host::Service> Application::make_service(const host::Seat& seat) {
  return std::make_unique<Service>(blueprint_, shared_, seat);
}

host::HostOptions Application::host_options() {
  const Config& config = blueprint_.config;
  host::HostOptions options;
  options.name = "proxy";
  options.application = this;
  options.workers = config.workers.count;
  options.worker.engine = config.workers.engine;
  options.worker.window_bytes = config.limits.window_bytes;
  options.user = config.workers.user;
  options.sandbox = config.workers.sandbox;
  options.admin = config.admin;
  options.log_level = config.log.level;
  options.max_connections = config.limits.max_connections;
  options.drain_delay = config.timeouts.drain_delay;
  options.drain_timeout = config.timeouts.drain;
  options.files_per_connection = 2;
  options.connects = true;
  return options;
}

}  // namespace ouro::proxy
