#include "cli/conflicts.h"

#include <algorithm>
#include <vector>

#include "base/units.h"

namespace ouro::cli {
namespace {

struct Rule {
  bool broken;
  const char* option;
  const char* reason;
};

constexpr std::uint64_t kPoolBytesMax = std::uint64_t{1} << 30;

// The epoll engine has one way to do each of these, or none.
std::vector<Rule> engine_rules(const LaboratoryOptions& knobs, bool epoll, const Given& given) {
  return {
      {epoll &&
           (knobs.receive == ReceiveMode::kMultishot || knobs.receive == ReceiveMode::kPollFirst),
       "--recv", "the epoll engine has one way to receive; use auto or single, or --engine uring"},
      {epoll && given("--taskrun"), "--taskrun",
       "epoll has no task work to run; leave it out, or use --engine uring"},
      {epoll && knobs.submission_thread, "--sqpoll",
       "epoll has no submission queue; leave it out, or use --engine uring"},
      {epoll && knobs.fixed_files, "--fixed-files",
       "epoll has no fixed files; use off, or --engine uring"},
      {epoll && knobs.zero_copy == ZeroCopy::kOn, "--zerocopy",
       "the epoll engine always copies; use auto or off, or --engine uring"},
      {epoll && knobs.accept == AcceptMode::kMultishot, "--accept",
       "epoll has no multishot accept; use auto, or --engine uring"},
      {epoll && knobs.restrictions && given("--restrictions"), "--restrictions",
       "epoll has no ring to restrict; use off, or --engine uring"},
  };
}

// What io_uring itself excludes.
std::vector<Rule> ring_rules(const LaboratoryOptions& knobs, const Given& given) {
  const bool plain = knobs.operation == OperationVariant::kRecv;
  return {
      {knobs.receive == ReceiveMode::kMultishot && !plain, "--recv",
       "multishot receives by --op recv alone"},
      {knobs.zero_copy == ZeroCopy::kOn && !plain, "--zerocopy",
       "only the send of --op recv can do without a copy"},
      {knobs.fixed_files && knobs.accept == AcceptMode::kPoll, "--accept",
       "only an accept operation can accept into fixed files; use single or multishot"},
      {knobs.submission_thread && given("--taskrun") && knobs.task_run != TaskRun::kNone,
       "--taskrun", "with --sqpoll the kernel's own thread does this work; use none"},
  };
}

std::vector<Rule> address_rules(const host::HostOptions& options) {
  std::vector<Address> addresses;
  for (const host::ListenPlace& place : options.application->places())
    addresses.push_back(place.address);
  const bool zero_copy = options.worker.laboratory.zero_copy == ZeroCopy::kOn;
  const bool any_unix = std::ranges::any_of(addresses, &Address::is_unix);
  const bool twice = options.admin && (options.admin->is_unix() || options.admin->port() != 0) &&
                     std::ranges::find(addresses, *options.admin) != addresses.end();
  return {
      {addresses.empty(), "--listen", "is needed; try --listen 127.0.0.1:7007"},
      {twice, "--admin", "is the same address as --listen; give it one of its own"},
      {zero_copy && any_unix, "--zerocopy",
       "Unix sockets always copy; use auto or off, or listen on TCP alone"},
  };
}

std::vector<Rule> pool_rules(const LaboratoryOptions& knobs, const Given& given) {
  const std::uint64_t bytes = knobs.buffer_bytes != 0 ? knobs.buffer_bytes : std::size_t{60} << 10;
  const std::uint64_t count = knobs.buffer_count_max != 0 ? knobs.buffer_count_max : 512;
  const bool too_much = bytes * count > kPoolBytesMax;
  return {{too_much && !given("--buffers"), "--buffer-size",
           "512 buffers of that size are more than 1GiB for each worker; add --buffers"},
          {too_much, "--buffers",
           "times --buffer-size is more than 1GiB for each worker; use fewer or smaller ones"}};
}

}  // namespace

std::optional<Conflict> find_conflict(const host::HostOptions& options, const Given& given) {
  const LaboratoryOptions& knobs = options.worker.laboratory;
  const bool epoll = options.worker.engine == EngineChoice::kEpoll;
  for (const auto& rules : {address_rules(options), engine_rules(knobs, epoll, given),
                            ring_rules(knobs, given), pool_rules(knobs, given)}) {
    const auto broken = std::ranges::find(rules, true, &Rule::broken);
    if (broken != rules.end()) return Conflict{broken->option, broken->reason};
  }
  return std::nullopt;
}

}  // namespace ouro::cli
