// Configs of the proxy: what is taken keeps its promises, and what is not is told with its place.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "proxy/config/config_reader.h"
#include "proxy/config/network.h"
#include "proxy/config/server_address.h"

namespace {

using namespace ouro::proxy;

std::optional<std::string> variable(const std::string& name) {
  if (name.size() == 1) return "${" + name + "}=1\n";
  return name == "WEB" ? std::optional<std::string>("web") : std::nullopt;
}

// A second file begins after a line of its own.
ConfigFiles files_of(std::string_view text) {
  constexpr std::string_view kNext = "\n---\n";
  const std::size_t next = text.find(kNext);
  ConfigFiles files{{{"one.toml", std::string(text.substr(0, next))}}, {}};
  if (next != text.npos) {
    files.files.push_back({"two.toml", std::string(text.substr(next + kNext.size()))});
  }
  return files;
}

void check_good(const Config& config) {
  OURO_CHECK(!config.listeners.empty());
  const auto is_upstream = [&config](const std::string& name) {
    return std::ranges::count(config.upstreams, name, &UpstreamConfig::name) == 1;
  };
  for (const ListenConfig& listen : config.listeners) {
    OURO_CHECK(!listen.name.empty() && listen.address.family() != ouro::Address::Family::kNone);
    OURO_CHECK(listen.upstream.empty() ? !config.routes.empty() : is_upstream(listen.upstream));
    for (const Network& network : listen.allow) {
      OURO_CHECK(*Network::parse(network.to_string()) == network);
    }
  }
  for (const SniRoute& route : config.routes) OURO_CHECK(is_upstream(route.upstream));
  for (const UpstreamConfig& upstream : config.upstreams) {
    OURO_CHECK(!upstream.servers.empty());
    for (const ServerConfig& server : upstream.servers) {
      const auto address = ServerAddress::parse(server.address);
      OURO_CHECK(address && ServerAddress::parse(address->to_string()));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ReadConfig read = read_config(files_of(text), variable);
  for (const ConfigError& error : read.errors) {
    OURO_CHECK(error.place.line > 0 && !error.what.empty());
    OURO_CHECK(error.to_string().find('\n') == std::string::npos);
  }
  if (read.errors.empty()) check_good(read.config);
  return 0;
}
