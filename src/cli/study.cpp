// `ouro study`: reads the plan, shows how the study goes, says where the report is.

#include "study/study.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "os/terminal.h"
#include "study/report_text.h"

namespace ouro::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kRepetitionsMax = 1000;
constexpr std::size_t kColumns = 79;  // of a terminal: a longer line could not be erased

constexpr const char* kStudyDescription =
    "Compares servers: runs a plan of servers and workloads, and writes a report with plots.";
constexpr const char* kStudyExample =
    "Example:\n"
    "  ouro study --plan quick --out study\n"
    "  ouro study --plan quick --out study --peer \"mine=./my_echo --port {port}\"\n"
    "  ouro study --plan my.toml --out study --only stream --repetitions 6\n"
    "\n"
    "quick takes about two minutes, seeds and full about twenty each.\n"
    "The same command again goes on where an interrupted study stopped.\n"
    "TIME is 500ms, 2s or 1m; ouro-study(1) has the format of a plan.";

struct StudyCommand {
  std::string plan_name;
  std::string out;
  study::PlanChanges changes;
  unsigned repetitions = 0;
  std::chrono::milliseconds duration{0};
  study::Plan plan;
};

void add_options(CLI::App& app, StudyCommand& command) {
  app.add_option("--plan", command.plan_name, "one that is built in, or a TOML file")
      ->type_name("quick|seeds|full|FILE");
  app.add_option("--out", command.out, "folder of the report and the figures of every run")
      ->type_name("DIR");
  const auto add_peers = [&command](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      const auto peer = study::parse_peer(text);
      if (!peer) refuse("--peer", peer.error().what);
      command.changes.peers.push_back(*peer);
    }
  };
  app.add_option_function<std::vector<std::string>>(
         "--peer", add_peers, "one more server to compare with; give it again for more")
      ->type_name("NAME='command with {port}'")
      ->allow_extra_args(false);
  app.add_option("--only", command.changes.only, "servers or workloads with this in their names")
      ->type_name("TEXT");
  add_number(app, "--repetitions", command.repetitions, {1, kRepetitionsMax},
             "runs of each server under each workload [as planned]");
  add_time(app, "--duration", command.duration, {100ms, 24h},
           "measured time of a run [as planned]");
}

// The plan's text; what errors call it goes into `source`.
std::string text_of_plan(const std::string& name, std::string& source) {
  source = name;
  if (const auto builtin = study::builtin_plan(name)) {
    source = "plans/" + name + ".toml";
    return std::string(*builtin);
  }
  std::error_code error;
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  if (std::filesystem::is_directory(name, error) || !(text << file.rdbuf())) {
    refuse("--plan", "'" + name + "' is neither a file that can be read nor quick, seeds or full");
  }
  return text.str();
}

void check(const CLI::App& app, StudyCommand& command) {
  if (command.plan_name.empty()) refuse("--plan", "is needed; try --plan quick");
  if (command.out.empty()) refuse("--out", "is needed, a folder for the report");
  std::string source;
  const std::string text = text_of_plan(command.plan_name, source);
  auto plan = study::parse_plan(text, source);
  if (!plan) refuse("--plan", plan.error().what);
  command.plan = std::move(*plan);
  if (app.count("--repetitions") > 0) command.changes.repetitions = command.repetitions;
  if (app.count("--duration") > 0) command.changes.duration = command.duration;
  const auto changed = study::change_plan(command.plan, command.changes);
  if (!changed) refuse(command.changes.only.empty() ? "--peer" : "--only", changed.error().what);
}

std::string time_left(std::chrono::seconds left) {
  if (left < 60s) return fmt::format("{} s", left.count());
  return fmt::format("{} min {} s", left.count() / 60, left.count() % 60);
}

// One line that changes on a terminal; in a pipe one for each workload that is over.
class Show {
 public:
  explicit Show(const study::Plan& plan) : plan_(plan), live_(os::error_is_terminal()) {}

  study::Observer observer() {
    return {[this](const study::Progress& progress) { begins(progress); },
            [this](const study::WorkloadPlan& workload,
                   const std::vector<study::RunRecord>& records) { ended(workload, records); }};
  }

  void erase() const {
    if (live_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  void begins(const study::Progress& progress) const {
    if (!live_) return;
    std::string line = fmt::format("run {} of {}, {} left: {}, {}", progress.number, progress.runs,
                                   time_left(progress.left), progress.run->workload->name,
                                   progress.run->server->name);
    if (line.size() > kColumns) line.resize(kColumns);
    fmt::print(stderr, "\r\x1b[K{}", line);
  }

  void ended(const study::WorkloadPlan& workload,
             const std::vector<study::RunRecord>& records) const {
    erase();
    const auto result = study::analyze(workload, plan_.servers, records);
    fmt::print("{}\n", study::one_line(result));
    std::set<std::string> told;
    for (const study::RunRecord& record : records) {
      if (record.outcome == study::Outcome::kMeasured) continue;
      if (!told.insert(record.identity.server).second) continue;
      fmt::print("  ! {}: {} ({})\n", record.identity.server, study::to_string(record.outcome),
                 record.what);
    }
    std::fflush(stdout);
  }

  const study::Plan& plan_;
  bool live_;
};

int say_end(const StudyCommand& command, const study::StudyEnd& end) {
  if (end.kept > 0) {
    fmt::print("{} of {} runs were there already, from before\n", end.kept, end.planned);
  }
  fmt::print("{} of {} runs measured; see {}/report.html and {}/report.md\n", end.measured,
             end.planned, command.out, command.out);
  const bool told = std::fflush(stdout) == 0;
  if (end.interrupted) {
    std::fputs("ouro study: interrupted; the same command again goes on from here\n", stderr);
    return 1;
  }
  if (end.measured == 0) std::fputs("ouro study: no server could be measured\n", stderr);
  return told && end.measured > 0 ? 0 : 1;
}

int run_command(const StudyCommand& command) {
  std::string title = std::filesystem::path(command.plan_name).stem().string();
  if (!command.changes.only.empty()) title += ", only " + command.changes.only;
  Show show(command.plan);
  const auto end =
      study::run_study(command.plan, title, command.out, show.observer(), OURO_VERSION);
  show.erase();
  if (!end) {
    fmt::print(stderr, "ouro study: {}\n", end.error().what);
    return 1;
  }
  return say_end(command, *end);
}

}  // namespace

void add_study(CLI::App& app, std::function<int()>& chosen) {
  CLI::App& study = *app.add_subcommand("study", kStudyDescription)->footer(kStudyExample);
  const auto command = std::make_shared<StudyCommand>();
  add_options(study, *command);
  study.final_callback([&study, &chosen, command] {
    check(study, *command);
    chosen = [command] { return run_command(*command); };
  });
}

}  // namespace ouro::cli
