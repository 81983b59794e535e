// What this kernel, with the limits of this process, lets us use. Found by trying, not by version
// number: versions lie (backports, seccomp, sysctls). Used by the backends, printed by `ouro
// doctor`, logged at start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ouro::os {

// How much the engine cares.
enum class FeatureUse : std::uint8_t {
  kEssential,  // no io_uring engine without it
  kUsed,       // used where it is there
  kReported,   // for laboratory knobs and for people; its absence is no loss
};

// One line of the doctor's report.
struct FeatureLine {
  std::string key;   // "receive_limit": stable, for programs
  std::string name;  // "multishot receive with a byte limit"
  FeatureUse use = FeatureUse::kReported;
  bool in_force = false;
  std::string why;     // what was tried and what came back
  std::string advice;  // what the user can change; empty when nothing
};

struct Features {
  std::string kernel;         // uname -r
  bool uring = false;         // a ring with the operations the engine needs can be made
  std::string uring_refusal;  // why not, and what to change, in a sentence; empty when it can

  // Ring setup flags. Those that are true work together, in one ring.
  bool single_issuer = false, defer_taskrun = false, coop_taskrun = false, taskrun_flag = false;
  bool submit_all = false, no_sqarray = false;
  bool no_iowait = false;  // the enter flag; liburing offers it from 2.10
  bool registered_ring = false;
  bool restrictions = false;
  // Receiving.
  bool multishot_receive = false;
  bool receive_limit = false;         // sqe->optlen ends a multishot after so many bytes (6.17)
  bool receive_bounded = false;       // without it: one multishot yields after a bounded number
  bool empty_ring_hides_end = false;  // EOF on an empty buffer ring says ENOBUFS
  bool poll_first = false;
  // The rest.
  bool multishot_accept = false, direct_accept = false;
  bool send_zero_copy = false, zero_copy_report = false;
  bool registered_buffers = false;
  bool huge_pages = false;

  std::vector<FeatureLine> lines;  // everything above and more, for people
};

// For an engine that starts, or for a report: that also tries what no engine here uses.
enum class ProbeDepth : std::uint8_t { kEngine, kReport };

// Tries everything on sockets of its own; takes a few milliseconds. Leaves nothing behind. The
// ring memory it used is charged to the user's memlock until the kernel gets round to freeing it,
// some milliseconds after the return.
[[nodiscard]] Features probe_features(ProbeDepth depth = ProbeDepth::kEngine);

// The line of that key, e.g. to say why a knob cannot be honoured; null if there is none.
[[nodiscard]] const FeatureLine* find_line(const Features& features, std::string_view key) noexcept;

}  // namespace ouro::os
