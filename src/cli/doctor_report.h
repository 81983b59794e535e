// What `ouro doctor` says, as text for people and as JSON for programs. docs/doctor.md explains
// every line and the schema.
#pragma once

#include <string>

#include "os/features.h"

namespace ouro::cli {

struct Diagnosis {
  os::Features features;
  std::string version;        // Ouro's own
  unsigned allowed_cpus = 0;  // by affinity and cpusets
  unsigned usable_cpus = 0;   // also by the quota of the control group: workers under `auto`
};

// Both end with a newline.
[[nodiscard]] std::string text_report(const Diagnosis& diagnosis);
[[nodiscard]] std::string json_report(const Diagnosis& diagnosis);

// One line: what `auto` takes here, and what is missing.
[[nodiscard]] std::string verdict(const os::Features& features);

}  // namespace ouro::cli
