#include "proxy/application.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "os/clock.h"
#include "os/environment.h"
#include "proxy/access/target.h"
#include "proxy/attendant.h"
#include "proxy/config/server_address.h"
#include "proxy/steering.h"

namespace ouro::proxy {
namespace {

constexpr std::string_view kDrainingLine = "draining ";

std::size_t slots_needed(const ServerConfig& server) {
  const auto parsed = ServerAddress::parse(server.address);
  return parsed && parsed->kind == ServerAddress::Kind::kAddress ? 1 : kSlotsOfName;
}

std::vector<ConfigError> too_many_servers(const Config& config) {
  std::size_t slots = 0;
  for (const UpstreamConfig& upstream : config.upstreams) {
    for (const ServerConfig& server : upstream.servers) {
      slots += slots_needed(server);
      if (slots <= kServersMax) continue;
      return {
          {server.place, fmt::format("there are more than {} servers, where a name counts as {}",
                                     kServersMax, kSlotsOfName)}};
    }
  }
  return {};
}

constexpr const char* kWhyNoSockmap =
    "forward = \"sockmap\" is not done: the kernel would take without bound from who sends to a "
    "peer that does not read (docs/forwarding.md); there are \"copy\" and \"splice\"";

bool splices(const Config& config) {
  return std::ranges::count(config.upstreams, Forward::kSplice, &UpstreamConfig::forward) > 0;
}

// What a config may say and this version does not do. Better refused than not done.
std::vector<ConfigError> not_done(const Config& config) {
  std::vector<ConfigError> errors;
  for (const UpstreamConfig& upstream : config.upstreams) {
    const auto refuse = [&](const char* what) {
      errors.push_back({upstream.place, fmt::format("upstream '{}': {}", upstream.name, what)});
    };
    if (upstream.forward == Forward::kSockmap) refuse(kWhyNoSockmap);
  }
  return errors;
}

std::string words_of(const ConfigError& error) { return error.to_string(); }

}  // namespace

Application::Made Application::create(const std::string& config_path,
                                      std::optional<EngineChoice> engine) {
  std::unique_ptr<Application> application(new Application(config_path, engine));
  if (auto wrong = application->read(application->blueprint_); !wrong.empty()) {
    return std::unexpected(std::move(wrong));
  }
  const Config& config = application->blueprint_.config;
  application->may_splice_ = splices(config) || !config.workers.sandbox;
  return application;
}

// Gives what is wrong.
std::vector<std::string> Application::read(Blueprint& into) const {
  std::vector<std::string> wrong;
  into.files = load_config_files(config_path_, os::environment_variable);
  ReadConfig read = read_config(into.files, os::environment_variable);
  if (read.errors.empty()) read.errors = not_done(read.config);
  if (read.errors.empty()) read.errors = too_many_servers(read.config);
  std::ranges::transform(read.errors, std::back_inserter(wrong), words_of);
  if (!wrong.empty()) return wrong;
  into.config = std::move(read.config);
  if (engine_) into.config.workers.engine = *engine_;
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
  if (wrong.empty() && !may_splice_ && splices(blueprint.config)) {
    wrong.emplace_back(
        "forward = \"splice\" needs a restart: the workers have been started without it, and their "
        "sandbox forbids it");
  }
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
// back when nobody is connected with it any more, nor can be by a config from before.
bool Application::give_slots(Blueprint& blueprint) {
  wanted_slots_.clear();
  std::vector<Slot> free = free_slots();  // the lowest last
  for (const UpstreamConfig& upstream : blueprint.config.upstreams) {
    std::vector<Slots>& of_upstream = blueprint.servers.emplace_back();
    for (const ServerConfig& server : upstream.servers) {
      const std::string key = upstream.name + '\n' + server.address;
      Slots& slots = of_upstream.emplace_back();
      if (const auto known = slots_.find(key); known != slots_.end()) slots = known->second;
      while (slots.size() < slots_needed(server)) {
        if (free.empty()) return false;
        shared_.begin_server(free.back());
        slots.push_back(free.back());
        free.pop_back();
      }
      wanted_slots_[key] = slots;
    }
  }
  return true;
}

std::vector<Slot> Application::free_slots() const {
  std::vector<bool> taken(kServersMax);
  for (const auto& [key, slots] : slots_) {
    for (const Slot slot : slots) taken[slot] = true;
  }
  std::vector<Slot> free;
  for (Slot slot = kServersMax; slot-- > 0;) {
    if (!taken[slot] && !shared_.is_kept(slot)) free.push_back(slot);
  }
  return free;
}

void Application::tell_of_what_needs_a_restart(const Config& now) const {
  const Config& before = blueprint_.config;
  const auto tell = [](const char* key) {
    log::warn("needs_a_restart", {{"key", key}, {"reason", "a reload does not change it"}});
  };
  if (now.workers.count != before.workers.count) tell("workers.count");
  if (now.workers.engine != before.workers.engine) tell("workers.engine");
  if (now.workers.user != before.workers.user) tell("workers.user");
  if (now.workers.sandbox != before.workers.sandbox) tell("workers.sandbox");
  if (now.admin != before.admin) tell("admin.address");
  if (now.names != before.names) tell("names.resolvers");
  if (now.limits.window_bytes != before.limits.window_bytes) tell("limits.window");
  if (now.limits.max_connections != before.limits.max_connections) tell("limits.max_connections");
  if (now.timeouts.drain != before.timeouts.drain) tell("timeouts.drain");
  if (now.timeouts.drain_delay != before.timeouts.drain_delay) tell("timeouts.drain_delay");
}

Result<void> Application::prepare(unsigned workers) {
  auto shared = Shared::create(workers);
  if (!shared) return std::unexpected(shared.error());
  shared_ = std::move(*shared);
  auto logs = LogRings::create(workers);
  if (!logs) return std::unexpected(logs.error());
  logs_ = std::move(*logs);
  stdout_kind_ = os::output_kind_of_stdout();
  if (!give_slots(blueprint_)) return fail(Errc::kNoMemory, "there are too many servers");
  return {};
}

std::vector<std::string> Application::bequest() const {
  std::vector<std::string> lines;
  for (const SteeredServer& server : steered_servers(blueprint_)) {
    if (shared_.server(server.slots.front()).draining.load()) {
      lines.push_back(std::string{kDrainingLine} + server.name);
    }
  }
  return lines;
}

// A server that is in the config no more has nothing to inherit.
void Application::inherit(const std::string& line) {
  if (!line.starts_with(kDrainingLine)) return;
  for (const SteeredServer& server : steered_servers(blueprint_)) {
    if (server.name != std::string_view(line).substr(kDrainingLine.size())) continue;
    for (const Slot slot : server.slots) shared_.set_draining(slot, true, os::now_ns());
  }
}

// Called at a reload before it is in force.
Result<std::vector<os::Fd>> Application::open_files() {
  const LogConfig& log = (wanted_ ? *wanted_ : blueprint_).config.log;
  std::vector<os::Fd> files;
  if (!log.has_access()) return files;
  auto file = open_access_target(log.access);
  if (!file) return fail(file.error().code, "[log] access: " + file.error().what);
  files.push_back(std::move(*file));
  return files;
}

std::unique_ptr<host::AttendantService> Application::make_attendant_service(Worker& worker) {
  return std::make_unique<Attendant>(blueprint_, shared_, logs_, stdout_kind_, worker);
}

std::unique_ptr<host::Service> Application::make_service(const host::Seat& seat) {
  return std::make_unique<Service>(blueprint_, shared_, logs_, seat);
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
  options.splices = splices(config);
  options.files_per_connection = options.splices ? 3 : 2;  // beside the two there are pipes
  options.connects = true;
  return options;
}

}  // namespace ouro::proxy
