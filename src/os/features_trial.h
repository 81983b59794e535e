// The feature trials, one function per subject, and the report they fill. Internal to
// src/os/features*.cpp; runs in whatever process asked for probe_features().
#pragma once

#include <string>
#include <string_view>

#include "os/fd.h"
#include "os/features.h"
#include "os/features_refusal.h"
#include "os/features_ring.h"

namespace ouro::os::trial {

// Fills in Features. It starts with every line there is, not in force and not tried; each trial
// then says what came of it. Keys are those of the table in features_report.cpp.
class Report {
 public:
  Report(Features& features, const Surroundings& surroundings);

  void works(std::string_view key, std::string why = "works");
  void lacks(std::string_view key, std::string why, std::string advice);
  // A result below 0 is a -errno: the kernel does not know it, or refuses for lack of memory.
  void result(std::string_view key, int result, std::string why_it_works = "works");
  // The ring cannot be made or lacks what the engine needs: says so, everywhere.
  void refuse(const Refusal& refusal);

  [[nodiscard]] Features& features() noexcept { return features_; }
  [[nodiscard]] const Surroundings& surroundings() const noexcept { return surroundings_; }

 private:
  FeatureLine& line(std::string_view key);
  [[nodiscard]] std::string advice_for(std::string_view since) const;

  Features& features_;
  const Surroundings& surroundings_;
};

// Two connected sockets, non-blocking. Not valid() when they could not be made.
struct Pair {
  Fd near;
  Fd far;

  [[nodiscard]] bool valid() const noexcept { return near.valid() && far.valid(); }
};

[[nodiscard]] Pair unix_pair();
[[nodiscard]] Pair tcp_pair();  // over the loopback interface
// A listening Unix socket under a name that the kernel chose, and a client for it.
[[nodiscard]] Fd unix_listener();
[[nodiscard]] Fd unix_client();
[[nodiscard]] bool connect_to(const Fd& client, const Fd& listener);

// Opens `ring` with every setup flag that works here. 0 or -errno.
[[nodiscard]] int try_setup_flags(Report& report, TrialRing& ring);
// What the engine cannot do without. False: refused, and said so.
[[nodiscard]] bool try_essentials(Report& report, TrialRing& ring);
void try_ring_extras(Report& report, TrialRing& ring);
void try_restrictions(Report& report, unsigned setup_flags);
void try_receiving(Report& report, TrialRing& ring);
void try_accepting(Report& report, TrialRing& ring);
void try_sending(Report& report, TrialRing& ring);
void try_system(Report& report);
void try_walls(Report& report);  // those of the sandbox
// What no engine here uses.
void try_ring_curiosities(Report& report, TrialRing& ring);
void try_submission_thread(Report& report);
void try_system_curiosities(Report& report);

}  // namespace ouro::os::trial
