#include "study/study.h"

#include <fstream>

#include "os/lock.h"
#include "os/spawn.h"
#include "study/analysis.h"
#include "study/charts.h"
#include "study/reports.h"

namespace ouro::study {
namespace {

Result<void> write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (!file) return fail(Errc::kInvalid, "cannot write " + path.string());
  return {};
}

Result<void> write_charts(const Analysis& analysis, const std::filesystem::path& folder) {
  std::error_code error;  // what could not be made shows when it is written to
  std::filesystem::create_directories(folder, error);
  for (const Chart& chart : charts(analysis)) {
    if (auto written = write_file(folder / chart.file_name(), chart.file()); !written) {
      return written;
    }
  }
  return {};
}

Result<void> write_reports(const Analysis& analysis, const std::filesystem::path& folder,
                           std::string_view version) {
  if (auto written = write_file(folder / "report.md", markdown_report(analysis)); !written) {
    return written;
  }
  if (auto written = write_file(folder / "report.html", html_report(analysis, version)); !written) {
    return written;
  }
  if (auto written = write_charts(analysis, folder / "charts"); !written) return written;
  return write_file(folder / "summary.json", summary_json(analysis, version));
}

}  // namespace

Result<StudyEnd> run_study(const Plan& plan, const std::string& title,
                           const std::filesystem::path& folder, const Observer& observer,
                           std::string_view version) {
  auto patience = Patience::create();
  if (!patience) return std::unexpected(patience.error());
  std::error_code error;
  std::filesystem::create_directories(folder / "raw", error);
  if (error) {
    return fail(Errc::kInvalid, "cannot make " + folder.string() + ": " + error.message());
  }
  const auto lock = os::lock_folder(folder.string());
  if (!lock && lock.error().code == Errc::kAddressInUse) return std::unexpected(lock.error());
  os::adopt_orphans();
  const auto runs = Runner(plan, folder, *patience, observer).run_all();
  if (!runs) return std::unexpected(runs.error());
  Analysis analysis = analyze(plan, runs->records);
  analysis.title = title;
  analysis.planned = runs->planned;
  analysis.interrupted = runs->interrupted;
  if (auto written = write_reports(analysis, folder, version); !written) {
    return std::unexpected(written.error());
  }
  return StudyEnd{runs->planned, analysis.measured, runs->kept, runs->interrupted};
}

}  // namespace ouro::study
