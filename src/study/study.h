// A whole study: the runs of a plan, and the reports on them.
#pragma once

#include <filesystem>
#include <string>

#include "ouro/error.h"
#include "study/plan.h"
#include "study/runner.h"

namespace ouro::study {

struct StudyEnd {
  std::size_t planned = 0;
  std::size_t measured = 0;
  std::size_t kept = 0;  // of these, from an earlier start
  bool interrupted = false;
};

// Writes raw/, report.md, report.html, charts/ and summary.json below `folder`; the reports also
// when it is interrupted. `title` is what the plan is called. Fails only when nothing can be
// written.
[[nodiscard]] Result<StudyEnd> run_study(const Plan& plan, const std::string& title,
                                         const std::filesystem::path& folder,
                                         const Observer& observer, std::string_view version);

}  // namespace ouro::study
