// What would confine the workers of a server that is started here.
#include <unistd.h>

#include "os/features_trial.h"
#include "os/process.h"
#include "os/sandbox.h"

namespace ouro::os::trial {
namespace {

void report_user(Report& report) {
  constexpr const char* kKey = "unprivileged_user";
  if (::geteuid() != 0) {
    return report.works(kKey,
                        "started without root, they stay user " + std::to_string(::geteuid()));
  }
  const auto user = default_user();
  if (user) return report.works(kKey, "they become " + *user + ", or whom --user names");
  report.lacks(kKey, "there is neither a user ouro nor a user nobody", "name another with --user");
}

const char* advice_for(const std::string& layer) {
  if (layer != "landlock") return "";
  return "Linux has it since 5.13: built with CONFIG_SECURITY_LANDLOCK, and landlock in lsm= where "
         "the boot line names modules";
}

}  // namespace

void try_walls(Report& report) {
  report_user(report);
  const auto layers = try_sandbox();
  if (!layers) return;
  for (const SandboxLayer& layer : *layers) {
    if (layer.in_force) {
      report.works(layer.name, "forbidden: " + layer.why);
    } else {
      report.lacks(layer.name, "tried: " + layer.why, advice_for(layer.name));
    }
  }
}

}  // namespace ouro::os::trial
