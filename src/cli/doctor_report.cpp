#include "cli/doctor_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace ouro::cli {
namespace {

using os::FeatureLine;
using os::Features;
using os::FeatureUse;

// Raised when a field changes its meaning or goes; new fields may come without.
constexpr int kSchemaVersion = 1;

constexpr std::string_view kNotTried = "not tried";

const char* use_name(FeatureUse use) {
  switch (use) {
    case FeatureUse::kEssential:
      return "essential";
    case FeatureUse::kUsed:
      return "used";
    case FeatureUse::kReported:
      return "reported";
  }
  return "";
}

const char* heading(FeatureUse use) {
  switch (use) {
    case FeatureUse::kEssential:
      return "Needed for io_uring";
    case FeatureUse::kUsed:
      return "Used where it is there";
    case FeatureUse::kReported:
      return "For experiments, and to know";
  }
  return "";
}

const char* engine(const Features& features) { return features.uring ? "uring" : "epoll"; }

void add_line(std::string& text, const FeatureLine& line, std::size_t width) {
  text += fmt::format("  {:<3}  {:<{}}  {}\n", line.in_force ? "yes" : "no", line.name, width,
                      line.why);
  if (!line.advice.empty()) text += fmt::format("       -> {}\n", line.advice);
}

void add_group(std::string& text, const Features& features, FeatureUse use, std::size_t width) {
  std::size_t not_tried = 0;
  text += fmt::format("\n{}\n", heading(use));
  for (const FeatureLine& line : features.lines) {
    if (line.use != use) continue;
    if (line.why == kNotTried) {
      ++not_tried;
    } else {
      add_line(text, line, width);
    }
  }
  if (not_tried > 0) text += fmt::format("  ({} more could not be tried)\n", not_tried);
}

}  // namespace

std::string verdict(const Features& features) {
  if (!features.uring) {
    return "io_uring cannot be used here, so servers take epoll: " + features.uring_refusal;
  }
  std::vector<std::string_view> missing;
  for (const FeatureLine& line : features.lines) {
    if (line.use == FeatureUse::kUsed && !line.in_force) missing.emplace_back(line.name);
  }
  if (missing.empty()) return "io_uring works here, with everything the engine uses";
  return fmt::format("io_uring works here; it could be better served with: {}",
                     fmt::join(missing, ", "));
}

std::string text_report(const Diagnosis& diagnosis) {
  const Features& features = diagnosis.features;
  std::size_t width = 0;
  for (const FeatureLine& line : features.lines) width = std::max(width, line.name.size());
  std::string text =
      fmt::format("kernel  {}\ncpus    {} allowed, {} usable\nengine  {}, taken by --engine auto\n",
                  features.kernel, diagnosis.allowed_cpus, diagnosis.usable_cpus, engine(features));
  for (const FeatureUse use : {FeatureUse::kEssential, FeatureUse::kUsed, FeatureUse::kReported}) {
    add_group(text, features, use, width);
  }
  return text + "\n" + verdict(features) + "\n";
}

std::string json_report(const Diagnosis& diagnosis) {
  const Features& features = diagnosis.features;
  using Json = nlohmann::ordered_json;
  Json lines = Json::array();
  for (const FeatureLine& line : features.lines) {
    lines.push_back({{"key", line.key},
                     {"name", line.name},
                     {"use", use_name(line.use)},
                     {"in_force", line.in_force},
                     {"why", line.why},
                     {"advice", line.advice}});
  }
  const Json report = {
      {"schema", kSchemaVersion},
      {"ouro", diagnosis.version},
      {"kernel", features.kernel},
      {"cpus", {{"allowed", diagnosis.allowed_cpus}, {"usable", diagnosis.usable_cpus}}},
      {"engine", engine(features)},
      {"refusal", features.uring_refusal},
      {"verdict", verdict(features)},
      {"features", lines}};
  // What the kernel's files say need not be UTF-8.
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ouro::cli
