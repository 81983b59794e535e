// Records of runs as they might have been, for tests: each spoils what it is about.
#pragma once

#include <string>

#include "study/plan.h"
#include "study/record.h"

namespace ouro::study {

inline Plan sample_plan() {
  Plan plan;
  plan.description = "A sample.";
  plan.servers = {{"base", {"./base", "{port}"}}, {"other", {"./other", "{port}"}}};
  WorkloadPlan workload;
  workload.name = "request 1KiB x 64";
  workload.arguments = {"--size", "1KiB"};
  workload.size = "1KiB";
  plan.workloads = {workload};
  return plan;
}

// Of a server whose own CPU was the limit.
inline RunRecord sample_record(const std::string& server, unsigned repetition, double rate) {
  RunRecord record;
  record.identity = {.workload = "request 1KiB x 64",
                     .server = server,
                     .repetition = repetition,
                     .command = {"./" + server, "{port}"},
                     .arguments = {"--size", "1KiB", "--duration", "1s", "--warmup", "200ms"}};
  record.outcome = Outcome::kMeasured;
  record.place = {.kernel = "6.1",
                  .cpu = "A CPU",
                  .cpus = 2,
                  .version = "0.1.0",
                  .server_cpu = 0,
                  .generator_cpu = 1};
  record.figures = {.requests_per_second = rate,
                    .bits_per_second = rate * 8192,
                    .p50_ns = 50'000,
                    .p99_ns = 90'000,
                    .jain = 1,
                    .min_max = 0.99,
                    .cpu_per_request_ns = 1e9 / rate,
                    .server_cpu = 1,
                    .generator_cpu = 0.6,
                    .errors = {},
                    .packets_lost = false,
                    .stood_still = false,
                    .of_asked_rate = {}};
  return record;
}

inline RunRecord sample_failure(const std::string& server, Outcome outcome, std::string what) {
  RunRecord record = sample_record(server, 1, 0);
  record.outcome = outcome;
  record.what = std::move(what);
  record.figures = {};
  return record;
}

}  // namespace ouro::study
