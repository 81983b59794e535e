#include "os/features.h"

#include <algorithm>

#include "os/features_trial.h"

namespace ouro::os {
namespace {

// Each on the ring that all setup flags made; some need one of their own.
void try_ring(trial::Report& report, bool all) {
  unsigned setup_flags = 0;
  {
    trial::TrialRing ring;
    if (const int error = trial::try_setup_flags(report, ring); error != 0) {
      return report.refuse(explain_refusal("io_uring_setup", -error, report.surroundings()));
    }
    setup_flags = ring.raw().flags;
    if (!trial::try_essentials(report, ring)) return;
    report.works("uring");
    if (all) trial::try_ring_curiosities(report, ring);
    trial::try_ring_extras(report, ring);
    trial::try_receiving(report, ring);
    trial::try_accepting(report, ring);
    trial::try_sending(report, ring);
  }
  trial::try_restrictions(report, setup_flags);
  if (all) trial::try_submission_thread(report);
}

}  // namespace

Features probe_features(ProbeDepth depth) {
  const bool all = depth == ProbeDepth::kReport;
  Features features;
  const trial::Surroundings surroundings = trial::read_surroundings();
  trial::Report report(features, surroundings);
  try_ring(report, all);
  trial::try_system(report);
  if (all) {
    trial::try_walls(report);
    trial::try_system_curiosities(report);
  }
  return features;
}

const FeatureLine* find_line(const Features& features, std::string_view key) noexcept {
  const auto found = std::ranges::find(features.lines, key, &FeatureLine::key);
  return found == features.lines.end() ? nullptr : &*found;
}

}  // namespace ouro::os
