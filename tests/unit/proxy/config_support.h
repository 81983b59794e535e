// What the tests of configs share.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config_reader.h"

namespace ouro::proxy {

// A whole config of six lines.
constexpr std::string_view kSmallest = R"([[listen]]
address = "127.0.0.1:8080"
upstream = "web"
[[upstream]]
name = "web"
servers = ["10.0.0.1:80"]
)";

inline Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

inline ReadConfig read_text(std::string_view text,
                            const Environment& environment = environment_of({})) {
  return read_config({{{"c", std::string(text)}}, {}}, environment);
}

inline std::vector<std::string> lines_of(const std::vector<ConfigError>& errors) {
  std::vector<std::string> lines;
  for (const ConfigError& error : errors) lines.push_back(error.to_string());
  return lines;
}

inline std::vector<std::string> troubles(std::string_view text,
                                         const Environment& environment = environment_of({})) {
  return lines_of(read_text(text, environment).errors);
}

inline Config config_of(std::string_view text,
                        const Environment& environment = environment_of({})) {
  const ReadConfig read = read_text(text, environment);
  for (const ConfigError& error : read.errors) ADD_FAILURE() << error.to_string();
  return read.config;
}

}  // namespace ouro::proxy
