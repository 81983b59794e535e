// From TOML to Config, and from what is wrong to words that say where.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/config.h"

namespace ouro::proxy {

struct ConfigFile {
  std::string name;  // as it is to be named in errors
  std::string text;
};

struct ConfigError {
  Place place;  // line 0: the whole file; no file: said in the words
  std::string what;

  // "web.toml:12:9: ...": what is wrong, and what would be right.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool operator==(const ConfigError&) const = default;
};

// The files of a config as they were read, the main one first, each before what it includes: what
// the workers are given on a reload, since they cannot open files.
struct ConfigFiles {
  std::vector<ConfigFile> files;
  std::vector<ConfigError> errors;  // files that cannot be read, and how that is
};

struct ReadConfig {
  Config config;                    // good if there are no errors
  std::vector<ConfigError> errors;  // all that can be found in one go, in the order of the files
};

// What ${NAME} stands for; nothing if there is no such variable.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Reads the main file and what it includes. What is no TOML or no list of files to include is left
// for read_config() to say.
[[nodiscard]] ConfigFiles load_config_files(const std::string& path,
                                            const Environment& environment);

// Pure. Reads what was loaded, and checks that it makes sense together, which can only be said when
// all of it is there. Its errors begin with those of loading.
[[nodiscard]] ReadConfig read_config(const ConfigFiles& loaded, const Environment& environment);

}  // namespace ouro::proxy
