// `ouro doctor`: tries what this machine offers and prints what came of it.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/doctor_report.h"
#include "os/cpu.h"

namespace ouro::cli {
namespace {

constexpr const char* kDoctorDescription =
    "Says which kernel features are in force here, and why the others are not.";
constexpr const char* kDoctorExample =
    "Example:\n"
    "  ouro doctor\n"
    "  ouro doctor --json | jq .verdict";

int run_doctor(bool json) {
  const Diagnosis diagnosis{.features = os::probe_features(os::ProbeDepth::kReport),
                            .version = OURO_VERSION,
                            .allowed_cpus = static_cast<unsigned>(os::allowed_cpus().size()),
                            .usable_cpus = os::usable_cpus()};
  const std::string report = json ? json_report(diagnosis) : text_report(diagnosis);
  const bool written = std::fputs(report.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? 0 : 1;
}

}  // namespace

void add_doctor(CLI::App& app, std::function<int()>& chosen) {
  CLI::App& doctor = *app.add_subcommand("doctor", kDoctorDescription)->footer(kDoctorExample);
  const auto json = std::make_shared<bool>(false);
  doctor.add_flag("--json", *json, "for programs; docs/doctor.md has the schema")
      ->disable_flag_override();
  doctor.final_callback([&chosen, json] { chosen = [json] { return run_doctor(*json); }; });
}

}  // namespace ouro::cli
