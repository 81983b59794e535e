#include "study/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/units.h"
#include "os/cpu.h"
#include "os/read_file.h"
#include "study/probe.h"
#include "study/words.h"

namespace ouro::study {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr unsigned kStartsMost = 2;  // that fail in a row, before a server is given up
constexpr auto kReadyPatience = 10s;
constexpr auto kLoadPatience = 60s;  // beyond its time, before it counts as stuck

// Nothing of what is no plain file, or is too large to be one of ours: a pipe would never end.
std::string content_of(const fs::path& path) {
  constexpr std::uintmax_t kBytesMost = std::uintmax_t{256} << 20;
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > kBytesMost) return {};
  return os::read_file(path.string()).value_or("");
}

// The folder that programs built beside this one lie in.
std::string bench_folder() {
  std::error_code ignored;
  return (fs::read_symlink(os::kOwnProgram, ignored).parent_path() / "bench").string();
}

std::string with_port(std::string text, std::string_view name, const Address& address) {
  return filled_in(std::move(text), name, std::to_string(address.port()));
}

// `ouro` in a plan is this very program; anything else is what the system finds.
os::Program program_of(const std::vector<std::string>& command, const Address& address,
                       const fs::path& config) {
  os::Program program;
  for (const std::string& word : command) {
    const std::string filled = filled_in(with_port(word, "port", address), "bench", bench_folder());
    program.arguments.push_back(filled_in(filled, "config", config.string()));
  }
  program.path = program.arguments[0] == "ouro" ? os::kOwnProgram : program.arguments[0];
  return program;
}

bool worth_keeping(Outcome outcome) {
  return outcome == Outcome::kMeasured || outcome == Outcome::kCrashed;
}

void fail_with(RunRecord& record, Outcome outcome, std::string what,
               std::vector<std::string> said = {}) {
  record.outcome = outcome;
  record.what = std::move(what);
  record.said = std::move(said);
}

}  // namespace

Pinning choose_cpus(const std::vector<unsigned>& allowed) {
  if (allowed.empty()) return {};
  return {allowed.front(), allowed.size() > 1 ? allowed[1] : allowed.front()};
}

RunIdentity identity_of(const Run& run) {
  return {run.workload->name, run.server->name, run.repetition, run.server->words(),
          load_arguments(*run.workload)};
}

std::optional<RunRecord> kept_record(const fs::path& raw, const Run& run) {
  auto record = read_record(content_of(raw / run.file_name()));
  if (!record || record->identity != identity_of(run)) return std::nullopt;
  if (!worth_keeping(record->outcome)) return std::nullopt;
  return record;
}

Runner::Runner(const Plan& plan, fs::path folder, Patience& patience, Observer observer)
    : runs_(runs_of(plan)),
      folder_(std::move(folder)),
      patience_(patience),
      observer_(std::move(observer)),
      cpus_(choose_cpus(os::allowed_cpus())),
      cpus_allowed_(static_cast<unsigned>(os::allowed_cpus().size())),
      done_(runs_.size()) {}

Result<StudyRuns> Runner::run_all() {
  StudyRuns study;
  study.planned = runs_.size();
  std::vector<std::optional<RunRecord>> records;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    records.push_back(kept_record(folder_ / "raw", runs_[i]));
    done_[i] = records.back().has_value();
    study.kept += done_[i] ? 1 : 0;
  }
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (!done_[i] && !patience_.interrupted()) {
      auto record = run_one(i);
      if (!record) return std::unexpected(record.error());
      records[i] = std::move(*record);
    }
    const bool last = i + 1 == runs_.size() || runs_[i + 1].workload != runs_[i].workload;
    if (last && !patience_.interrupted()) tell_end(*runs_[i].workload, records);
  }
  for (auto& record : records) {
    if (record) study.records.push_back(std::move(*record));
  }
  study.interrupted = patience_.interrupted();
  return study;
}

// Nothing if it was not worth making, or cut short.
Result<std::optional<RunRecord>> Runner::run_one(std::size_t index) {
  const Run& run = runs_[index];
  if (not_started_[run.server->name] >= kStartsMost) return std::nullopt;
  tell_progress(run, index);
  const auto begin = Clock::now();
  std::string load_json;
  RunRecord record = make(run, load_json);
  if (patience_.interrupted()) return std::nullopt;
  count_start(run, record.outcome);
  count_time(run, begin);
  const std::string text = record_text(record, load_json);
  if (const auto written = write(run, text); !written) return std::unexpected(written.error());
  // The figures are read from what was written, as they will be when the study is resumed.
  auto read = read_record(text);
  if (read) return read;
  fail_with(record, Outcome::kFailed, "the load's figures cannot be read");
  return record;
}

void Runner::count_start(const Run& run, Outcome outcome) {
  unsigned& failures = not_started_[run.server->name];
  if (outcome == Outcome::kMissing) {
    failures = kStartsMost;
  } else {
    failures = outcome == Outcome::kNotStarted ? failures + 1 : 0;
  }
}

void Runner::tell_end(const WorkloadPlan& workload,
                      const std::vector<std::optional<RunRecord>>& records) const {
  std::vector<RunRecord> of_workload;
  for (const auto& record : records) {
    if (record && record->identity.workload == workload.name) of_workload.push_back(*record);
  }
  observer_.workload_ended(workload, of_workload);
}

RunRecord Runner::make(const Run& run, std::string& load_json) {
  RunRecord record;
  record.identity = identity_of(run);
  record.place.cpus = cpus_allowed_;
  record.place.server_cpu = cpus_.server;
  record.place.generator_cpu = cpus_.generator;
  const auto address = free_address();
  if (!address) {
    fail_with(record, Outcome::kFailed, address.error().what);
    return record;
  }
  const bool proxied = !run.server->backend.empty();
  std::optional<Child> backend = proxied ? start_backend(run, *address, record) : std::nullopt;
  if (proxied && !backend) return record;
  std::optional<Child> server = start_server(run, *address, record);
  if (!server) return record;
  if (wait_until_ready(*server, *address, record)) {
    put_load(run, *address, *server, record, load_json);
  }
  server->stop(patience_);
  server.reset();
  if (backend) backend->stop(patience_);
  backend.reset();
  os::end_orphans();
  std::error_code ignored;
  fs::remove(folder_ / "server.err", ignored);
  fs::remove(folder_ / "backend.err", ignored);
  fs::remove(config_file(), ignored);
  return record;
}

// With the load's CPU: the proxy has one to itself. It answers before the proxy looks for it.
std::optional<Child> Runner::start_backend(const Run& run, const Address& front,
                                           RunRecord& record) {
  auto address = free_address();
  if (address && address->port() == front.port()) address = free_address();
  if (!address) {
    fail_with(record, Outcome::kFailed, address.error().what);
    return std::nullopt;
  }
  os::Program program = program_of(run.server->backend, *address, config_file());
  program.cpu = cpus_.generator;
  program.error_file = (folder_ / "backend.err").string();
  auto backend = Child::start(program);
  if (!backend) {
    fail_with(record, Outcome::kFailed, "what stands behind it: " + backend.error().what);
    return std::nullopt;
  }
  std::ofstream file(config_file(), std::ios::binary);
  file << with_port(with_port(run.server->config, "port", front), "backend", *address);
  if (!wait_until_ready(*backend, *address, record)) {
    record.what = "what stands behind it " + record.what;
    return std::nullopt;
  }
  return std::move(*backend);
}

std::optional<Child> Runner::start_server(const Run& run, const Address& address,
                                          RunRecord& record) {
  os::Program program = program_of(run.server->command, address, config_file());
  program.cpu = cpus_.server;
  program.error_file = (folder_ / "server.err").string();
  auto server = Child::start(program);
  if (server) return std::move(*server);
  const bool missing = server.error().code == Errc::kNotFound;
  fail_with(record, missing ? Outcome::kMissing : Outcome::kNotStarted, server.error().what);
  return std::nullopt;
}

bool Runner::wait_until_ready(Child& server, const Address& address, RunRecord& record) {
  Probe probe(address);
  const auto deadline = Clock::now() + kReadyPatience;
  while (!patience_.interrupted()) {
    const bool answered = probe.answered();
    if (const auto& ending = server.ending()) {
      fail_with(record, Outcome::kNotStarted, text_of(*ending) + " before it answered",
                server.last_words());
      return false;
    }
    if (answered) return true;
    if (probe.wrong()) {
      fail_with(record, Outcome::kNotStarted, "does not echo: other bytes came back",
                server.last_words());
      return false;
    }
    if (Clock::now() > deadline) {
      fail_with(record, Outcome::kNotStarted, "did not answer within 10 s", server.last_words());
      return false;
    }
    patience_.wait_readable(probe.fd(), 10ms);
  }
  return false;
}

void Runner::put_load(const Run& run, const Address& address, Child& server, RunRecord& record,
                      std::string& load_json) {
  const fs::path figures = folder_ / "load.json";
  const fs::path errors = folder_ / "load.err";
  std::error_code ignored;
  fs::remove(figures, ignored);
  os::Program program{
      os::kOwnProgram, {"ouro", "load", address.to_string()}, cpus_.generator, errors.string()};
  const std::vector<std::string>& arguments = record.identity.arguments;
  program.arguments.insert(program.arguments.end(), arguments.begin(), arguments.end());
  for (const std::string& word : {std::string("--json"), figures.string(),
                                  std::string("--server-pid"), std::to_string(server.id())}) {
    program.arguments.push_back(word);
  }
  auto load = Child::start(program);
  if (!load) return fail_with(record, Outcome::kFailed, load.error().what);
  const auto deadline = Clock::now() + expected_time(*run.workload) + kLoadPatience;
  while (!load->ending() && !patience_.interrupted() && Clock::now() < deadline) {
    patience_.wait(1s);
  }
  if (!load->ending()) load->stop(patience_);
  load_json = content_of(figures);
  fs::remove(figures, ignored);
  const auto& ended = load->ending();
  record.outcome = Outcome::kMeasured;
  if (const auto& ending = server.ending()) {
    fail_with(record, Outcome::kCrashed, text_of(*ending) + " under load", server.last_words());
  } else if (!ended || !ended->clean() || load_json.empty()) {
    const std::string how = ended ? text_of(*ended) : "did not end";
    fail_with(record, Outcome::kFailed, "the load " + how, load->last_words());
  }
  fs::remove(errors, ignored);
}

void Runner::tell_progress(const Run& run, std::size_t index) {
  std::chrono::duration<double> left{0};
  for (std::size_t i = index; i < runs_.size(); ++i) {
    if (!done_[i]) left += expected_time(*runs_[i].workload);
  }
  if (expected_.count() > 0) left *= took_ / expected_;
  observer_.run_begins(
      {&run, index + 1, runs_.size(), std::chrono::duration_cast<std::chrono::seconds>(left)});
}

void Runner::count_time(const Run& run, Clock::time_point begin) {
  expected_ += expected_time(*run.workload);
  took_ += Clock::now() - begin;
}

// Whole or not at all.
Result<void> Runner::write(const Run& run, const std::string& text) const {
  const fs::path path = folder_ / "raw" / run.file_name();
  const fs::path part = folder_ / "raw" / "part";
  std::ofstream file(part, std::ios::binary);
  file << text << std::flush;
  file.close();
  std::error_code error;
  if (file) fs::rename(part, path, error);
  if (!file || error) return fail(Errc::kInvalid, "cannot write " + path.string());
  return {};
}

}  // namespace ouro::study
