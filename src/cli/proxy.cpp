// `ouro proxy`: what to do is in a file; the command line says which.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "proxy/application.h"

namespace ouro::cli {
namespace {

constexpr const char* kProxyDescription = "A reverse proxy and load balancer for TCP.";
constexpr const char* kProxyExample =
    "Example:\n"
    "  ouro proxy --config proxy.toml --check\n"
    "  ouro proxy --config proxy.toml\n"
    "\n"
    "A config that balances two servers:\n"
    "  [[listen]]\n"
    "  address = \"0.0.0.0:5432\"\n"
    "  upstream = \"db\"\n"
    "\n"
    "  [[upstream]]\n"
    "  name = \"db\"\n"
    "  servers = [\"10.0.0.1:5432\", \"10.0.0.2:5432\"]";

struct ProxyOptions {
  std::string config;
  bool check = false;
  std::optional<EngineChoice> engine;
};

int run(const ProxyOptions& options) {
  const auto application = proxy::Application::create(options.config, options.engine);
  if (!application) {
    for (const std::string& why : application.error()) {
      std::fprintf(stderr, "ouro proxy: %s\n", why.c_str());
    }
    return host::kExitArguments;
  }
  if (options.check) {
    std::printf("%s: good\n", options.config.c_str());
    return host::kExitDone;
  }
  host::HostOptions host = (*application)->host_options();
  host.version = OURO_VERSION;
  return host::run_host(host);
}

}  // namespace

void add_proxy(CLI::App& app, std::function<int()>& chosen) {
  CLI::App& proxy = *app.add_subcommand("proxy", kProxyDescription)->footer(kProxyExample);
  const auto options = std::make_shared<ProxyOptions>();
  const auto read = [options](const std::string& text) -> Result<void> {
    if (text.empty()) return fail(Errc::kInvalid, "'' is not the name of a file");
    options->config = text;
    return {};
  };
  add_text(proxy, "--config", read, "what to do; see ouro-proxy(1) and docs/config.md")
      ->type_name("FILE");
  proxy.add_flag("--check", options->check, "say what is wrong with it, and do nothing else")
      ->disable_flag_override();
  const auto engine = std::make_shared<EngineChoice>(EngineChoice::kAuto);
  add_engine(proxy, *engine, "instead of what the file says");
  proxy.final_callback([&proxy, &chosen, options, engine] {
    if (options->config.empty()) refuse("--config", "is needed; try --config proxy.toml");
    if (proxy.count("--engine") > 0) options->engine = *engine;
    chosen = [options] { return run(*options); };
  });
}

}  // namespace ouro::cli
