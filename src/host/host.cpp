#include "host/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "host/master.h"
#include "os/cpu.h"
#include "os/log_sink.h"
#include "os/process.h"

namespace ouro::host {
namespace {

// Descriptors of a worker that are not connections: its own and adopted listeners, inboxes, its
// engine, and enough to spare for a batch of connections that another worker hands over.
std::uint64_t reserved_files(std::size_t addresses, unsigned workers) {
  constexpr std::uint64_t kSpare = 32;
  return kSpare + 2 * addresses + workers;
}

// What one worker may hold. It stops accepting there, so that it does not run out of descriptors.
Result<std::uint64_t> connections_per_worker(const HostOptions& options, unsigned workers) {
  constexpr std::uint64_t kFewest = 8;
  const std::uint64_t files = os::raise_file_limit();
  const std::uint64_t reserved = reserved_files(options.application->places().size(), workers);
  if (files < reserved + kFewest) {
    return fail(Errc::kNoDescriptors,
                fmt::format("the limit on open files ({}) leaves no room for connections: it must "
                            "be {} at least (ulimit -n)",
                            files, reserved + kFewest));
  }
  return std::min<std::uint64_t>((files - reserved) / options.files_per_connection,
                                 options.worker.connections_max);
}

// Pinned only when the workers fill the CPUs. With fewer, every server on the machine would sit on
// the first ones.
std::vector<unsigned> cpus_to_pin(unsigned workers) {
  std::vector<unsigned> cpus = os::allowed_cpus();
  if (cpus.size() != workers) cpus.clear();
  return cpus;
}

Result<Plan> make_plan(const HostOptions& options) {
  Plan plan;
  plan.workers = std::min(options.workers == 0 ? os::usable_cpus() : options.workers, kWorkersMax);
  plan.cpus = cpus_to_pin(plan.workers);
  const auto per_worker = connections_per_worker(options, plan.workers);
  if (!per_worker) return std::unexpected(per_worker.error());
  plan.worker_connections_max = *per_worker;
  const std::uint64_t most = plan.worker_connections_max * plan.workers;
  if (options.max_connections > most) {
    return fail(
        Errc::kInvalid,
        fmt::format("{} connections are more than the limit on open files allows ({} over "
                    "{} worker{}): ask for fewer, or raise it (ulimit -n)",
                    options.max_connections, most, plan.workers, plan.workers == 1 ? "" : "s"));
  }
  const std::string user = options.user.empty() ? os::default_user().value_or("") : options.user;
  if (user.empty()) return plan;
  plan.user = os::find_user(user);
  if (!plan.user) return fail(Errc::kNotFound, fmt::format("there is no user '{}' (--user)", user));
  return plan;
}

}  // namespace

int run_host(const HostOptions& options) {
  OURO_CHECK(options.application != nullptr && !options.application->places().empty());
  log::set_level(options.log_level);
  log::set_sink(os::log_sink());
  auto plan = make_plan(options);
  if (!plan) {
    fmt::print(stderr, "ouro: {}\n", plan.error().what);
    return plan.error().code == Errc::kNoDescriptors ? kExitFailed : kExitArguments;
  }
  return Master(options, std::move(*plan)).run();
}

}  // namespace ouro::host
