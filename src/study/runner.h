// Makes the runs of a plan, one after the other, and keeps a record of each in DIR/raw. What is
// already there and belongs to the plan is not made again, so an interrupted study goes on.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "ouro/error.h"
#include "study/child.h"
#include "study/plan.h"
#include "study/record.h"

namespace ouro::study {

struct Progress {
  const Run* run = nullptr;  // about to be made
  std::size_t number = 0;    // from 1
  std::size_t runs = 0;
  std::chrono::seconds left{0};
};

// Called between runs.
struct Observer {
  std::function<void(const Progress&)> run_begins;
  // With the records of the workload so far, when its last run is over.
  std::function<void(const WorkloadPlan&, const std::vector<RunRecord>&)> workload_ended;
};

struct StudyRuns {
  std::vector<RunRecord> records;  // in the order of the runs
  std::size_t planned = 0;
  std::size_t kept = 0;  // that were there before
  bool interrupted = false;
};

// CPUs for the two programs: different ones where there are two.
struct Pinning {
  unsigned server = 0;
  unsigned generator = 0;
};
[[nodiscard]] Pinning choose_cpus(const std::vector<unsigned>& allowed);

// The run as its record names it, and the whole command line of its load but for where to write.
[[nodiscard]] RunIdentity identity_of(const Run& run);

// The record of this run in the folder, if it is whole and of the same plan. Programs that were
// missing or did not start are not taken as done: they may have been installed meanwhile.
[[nodiscard]] std::optional<RunRecord> kept_record(const std::filesystem::path& raw,
                                                   const Run& run);

class Runner {
 public:
  Runner(const Plan& plan, std::filesystem::path folder, Patience& patience, Observer observer);

  // Fails only when nothing can be written; servers that fail are in the records. One that is
  // missing, or did not start twice in a row, is not tried again.
  [[nodiscard]] Result<StudyRuns> run_all();

 private:
  [[nodiscard]] RunRecord make(const Run& run, std::string& load_json);
  [[nodiscard]] std::filesystem::path config_file() const { return folder_ / "server.config"; }
  [[nodiscard]] std::optional<Child> start_backend(const Run& run, const Address& front,
                                                   RunRecord& record);
  [[nodiscard]] std::optional<Child> start_server(const Run& run, const Address& address,
                                                  RunRecord& record);
  [[nodiscard]] bool wait_until_ready(Child& server, const Address& address, RunRecord& record);
  void put_load(const Run& run, const Address& address, Child& server, RunRecord& record,
                std::string& load_json);
  [[nodiscard]] Result<std::optional<RunRecord>> run_one(std::size_t index);
  void count_start(const Run& run, Outcome outcome);
  void tell_progress(const Run& run, std::size_t index);
  void tell_end(const WorkloadPlan& workload,
                const std::vector<std::optional<RunRecord>>& records) const;
  void count_time(const Run& run, std::chrono::steady_clock::time_point begin);
  [[nodiscard]] Result<void> write(const Run& run, const std::string& text) const;

  std::vector<Run> runs_;
  std::filesystem::path folder_;
  Patience& patience_;
  Observer observer_;
  Pinning cpus_;
  unsigned cpus_allowed_;
  std::vector<bool> done_;
  std::map<std::string, unsigned> not_started_;  // how often in a row, by server
  std::chrono::duration<double> expected_{0};    // of the runs made, as the plan would have it
  std::chrono::duration<double> took_{0};        // and as it was
};

}  // namespace ouro::study
