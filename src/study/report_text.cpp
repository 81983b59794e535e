#include "study/report_text.h"

#include <fmt/format.h>

#include "load/figures.h"

namespace ouro::study {
namespace {

using load::Unit;

std::string time_text(double ns) { return ns > 0 ? load::figure(ns, Unit::kNanoseconds) : "-"; }

std::string share_text(const std::optional<double>& share, int decimals) {
  return share ? fmt::format("{:.{}f}", *share, decimals) : "-";
}

std::string ratio_text(const PairedRatio& ratio, bool is_base) {
  if (is_base) return "1";
  if (ratio.pairs == 0) return "-";
  if (!ratio.has_interval()) return fmt::format("{:.3f}", ratio.median);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", ratio.median, ratio.low, ratio.high);
}

std::string remark_on(const Row& row) {
  std::string remark = row.verdict == Verdict::kBase ? "" : std::string(to_string(row.verdict));
  for (const std::string& doubt : row.doubts) remark += (remark.empty() ? "! " : "; ! ") + doubt;
  return remark;
}

// "6.84 - 7.52 Gbit/s": the unit once, where it is the same.
std::string range_text(load::Mode mode, const Quartiles& rate) {
  std::string low = rate_text(mode, rate.low);
  const std::string high = rate_text(mode, rate.high);
  const std::size_t unit = low.find(' ');
  if (unit != low.npos && high.ends_with(low.substr(unit))) low.resize(unit);
  return low + " - " + high;
}

std::string cpus_text(const RunPlace& place) {
  if (!place.server_cpu || !place.generator_cpu) return "";
  if (*place.server_cpu == *place.generator_cpu) {
    return fmt::format("server and generator shared CPU {}, the only one there was",
                       *place.server_cpu);
  }
  return fmt::format("server pinned to CPU {}, generator to CPU {}", *place.server_cpu,
                     *place.generator_cpu);
}

}  // namespace

std::vector<std::string> columns(const WorkloadResult& workload) {
  const bool stream = workload.mode == load::Mode::kStream;
  return {"server",      stream ? "received" : "requests/s",
          "quartiles",   "ratio [95 %]",
          "p50",         "p99",
          "CPU/request", "CPU ratio [95 %]",
          "Jain",        "min/max",
          "server CPU",  "load CPU",
          "remark"};
}

std::string rate_text(load::Mode mode, double rate) {
  if (mode == load::Mode::kStream) return load::figure(rate, Unit::kBitsPerSecond);
  return fmt::format("{:.0f}", rate);
}

std::vector<std::string> cells(const WorkloadResult& workload, const Row& row) {
  const bool is_base = row.verdict == Verdict::kBase;
  const bool answers = workload.mode != load::Mode::kStream;
  return {row.server,
          rate_text(workload.mode, row.rate.median),
          range_text(workload.mode, row.rate),
          ratio_text(row.rate_ratio, is_base),
          answers ? time_text(row.p50_ns) : "-",
          answers ? time_text(row.p99_ns) : "-",
          time_text(row.cpu_ns.median),
          ratio_text(row.cpu_ratio, is_base),
          share_text(row.jain, 4),
          share_text(row.min_max, 3),
          fmt::format("{:.0f} %", row.server_cpu * 100),
          fmt::format("{:.0f} %", row.generator_cpu * 100),
          remark_on(row)};
}

std::vector<std::string> machine_lines(const Analysis& analysis) {
  std::vector<std::string> lines;
  lines.reserve(analysis.places.size());
  for (const RunPlace& place : analysis.places) {
    lines.push_back(fmt::format("Linux {}, {}, {} CPU{}, ouro {}; {}.", place.kernel, place.cpu,
                                place.cpus, place.cpus == 1 ? "" : "s", place.version,
                                cpus_text(place)));
  }
  return lines;
}

std::vector<std::string> method_lines(const Analysis& analysis) {
  return {
      fmt::format("{} of {} runs were measured. Each started its server anew on a free port of "
                  "127.0.0.1, waited until it answered, put the load on it with ouro load and "
                  "stopped it. Within a workload the servers took turns, A B C A B C, so that a "
                  "slow minute of the machine met them all. Figures are medians over the "
                  "repetitions, with the quartiles beside them; charts show the quartiles as "
                  "whiskers.",
                  analysis.measured, analysis.planned),
      fmt::format("A ratio is that to the first server of the table: the median of the ratios of "
                  "runs that stood side by side. In brackets is its 95 % confidence interval: with "
                  "{} pairs or more from order statistics, which assume nothing about the noise; "
                  "with fewer from Student's t of the logarithms. If it holds 1, no difference was "
                  "shown.",
                  kPairsForOrderStatistics),
      fmt::format(
          "Marked with !: rows whose quartiles lie more than {:.0f} % of the median apart, "
          "which are too noisy to trust; rows where the generator was the limit (its CPU "
          "at {:.0f} % or more, the server's below), which tell the generator's rate and "
          "not the server's; rows of 16 connections and more where neither used its CPU to 80 %, "
          "so that something else held them up; rows during which the network lost packets, and "
          "rows with errors. The remark compares rates, and "
          "where these show nothing, CPU/request: that is the server's user and kernel "
          "time for one request (of a stream: for one message's worth of bytes). Jain's "
          "index of the connections' shares is 1 when all got the same; min/max is the "
          "slowest connection's share to the fastest's.",
          kSpreadMost * 100, kBusy * 100),
  };
}

std::string finding_line(const Finding& finding) {
  std::string line = fmt::format(
      "{}: {}, {} time{}: {}; under {}", finding.server, to_string(finding.outcome), finding.times,
      finding.times == 1 ? "" : "s", finding.what, finding.workloads.front());
  if (finding.workloads.size() > 1) {
    line += fmt::format(" and {} more", finding.workloads.size() - 1);
  }
  return line;
}

std::string one_line(const WorkloadResult& workload) {
  std::string line = workload.name + ":";
  if (workload.rows.empty()) return line + " nothing could be measured";
  const bool stream = workload.mode == load::Mode::kStream;
  for (const Row& row : workload.rows) {
    line += fmt::format("{} {} {}{}", line.ends_with(':') ? "" : ",", row.server,
                        rate_text(workload.mode, row.rate.median), stream ? "" : "/s");
    if (row.verdict != Verdict::kBase) line += fmt::format(" ({:.3f})", row.rate_ratio.median);
  }
  return line;
}

}  // namespace ouro::study
