// `ouro echo`: the options of a server, and an EchoHandler in each worker.

#include "echo/echo.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/conflicts.h"
#include "cli/options.h"
#include "host/host.h"

namespace ouro::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kWorkersMax = 1024;
constexpr std::uint64_t kConnectionsMax = 1 << 24;
constexpr Range<std::chrono::milliseconds> kTimeRange{0ms, 24h};
// More would be more than all slow peers of a worker may hold together.
constexpr Range<std::uint64_t> kWindowRange{1, 256 * kMib};
constexpr Range<std::uint64_t> kBufferBytesRange{64, 16 * kMib};
constexpr Range<std::uint64_t> kBuffersRange{2, 16384};  // what a completion can name

constexpr const char* kEchoDescription =
    "An echo server (RFC 862): what a client sends is what it gets.";
constexpr const char* kEchoExample =
    "Example:\n"
    "  ouro echo --listen 127.0.0.1:7007\n"
    "  ouro echo --listen 0.0.0.0:7 --listen unix:/run/echo.sock --admin 127.0.0.1:9901\n"
    "\n"
    "SIZE is 4096, 64k, 256KiB or 1MiB; TIME is 500ms, 2s, 1m or 1h.";

constexpr const char* kLaboratory = "Laboratory, for measuring why the defaults are what they are";

void add_workers(CLI::App& echo, unsigned& workers) {
  const auto read = [&workers](const std::string& text) -> Result<void> {
    workers = 0;
    if (text == "auto") return {};
    const auto number = parse_number(text, {1, kWorkersMax});
    if (!number) return fail(Errc::kInvalid, number.error().what + "; or use auto");
    workers = static_cast<unsigned>(*number);
    return {};
  };
  add_text(echo, "--workers", read, "processes that serve; auto: one per CPU [auto]")
      ->type_name("N|auto");
}

void add_admin(CLI::App& echo, std::optional<Address>& admin) {
  const auto read = [&admin](const std::string& text) -> Result<void> {
    const auto address = Address::parse(text);
    if (!address) return std::unexpected(address.error());
    admin = *address;
    return {};
  };
  add_text(echo, "--admin", read, "where it answers /metrics, /healthz and ouro ctl [nowhere]")
      ->type_name("ADDR:PORT|unix:PATH");
}

void add_user(CLI::App& echo, std::string& user) {
  const auto read = [&user](const std::string& text) -> Result<void> {
    if (text.empty()) return fail(Errc::kInvalid, "'' is not a user; try nobody");
    user = text;
    return {};
  };
  add_text(echo, "--user", read, "whom workers become; as root: [ouro, else nobody]")
      ->type_name("NAME");
}

// What the command line says; the host gets it as its own.
struct EchoOptions {
  std::vector<Address> addresses;
  ListenOptions listen;
  host::PlainApplication<echo::EchoHandler> application;
  host::HostOptions host;
};

void add_server_options(CLI::App& echo, host::HostOptions& options) {
  add_workers(echo, options.workers);
  add_engine(echo, options.worker.engine, "auto: io_uring, or epoll where it is refused [auto]");
  add_admin(echo, options.admin);
  add_user(echo, options.user);
  add_switch(echo, "--sandbox", options.sandbox,
             "shut workers off from files, programs, other calls [on]");
  add_choice<log::Level>(echo, "--log-level", options.log_level,
                         {{"error", log::Level::kError},
                          {"warn", log::Level::kWarn},
                          {"info", log::Level::kInfo},
                          {"debug", log::Level::kDebug}},
                         "what to say on stderr [info]");
}

void add_limits(CLI::App& echo, EchoOptions& echo_options) {
  host::HostOptions& options = echo_options.host;
  add_size(echo, "--window", options.worker.window_bytes, kWindowRange,
           "unsent bytes at which a connection is not read [256KiB]");
  add_number(echo, "--max-connections", options.max_connections, {1, kConnectionsMax},
             "most connections over all workers [no limit]");
  add_number(echo, "--backlog", echo_options.listen.backlog, {1, 65535},
             "connections the kernel queues [4096]");
  add_time(echo, "--idle-timeout", options.worker.idle_timeout, kTimeRange,
           "close connections idle for so long; 0: never [0]");
  add_time(echo, "--drain-timeout", options.drain_timeout, kTimeRange,
           "after SIGTERM, time to finish what is under way [30s]");
}

void add_data_path(CLI::App& echo, LaboratoryOptions& knobs) {
  add_choice<ReceiveMode>(echo, "--recv", knobs.receive,
                          {{"auto", ReceiveMode::kAuto},
                           {"multishot", ReceiveMode::kMultishot},
                           {"single", ReceiveMode::kSingle},
                           {"poll-first", ReceiveMode::kPollFirst}},
                          "how to receive [auto]");
  add_choice<OperationVariant>(echo, "--op", knobs.operation,
                               {{"recv", OperationVariant::kRecv},
                                {"read", OperationVariant::kRead},
                                {"recvmsg", OperationVariant::kRecvmsg},
                                {"readv", OperationVariant::kReadv}},
                               "the call that receives, and its counterpart that sends [recv]");
  add_choice<ZeroCopy>(echo, "--zerocopy", knobs.zero_copy,
                       {{"auto", ZeroCopy::kAuto}, {"on", ZeroCopy::kOn}, {"off", ZeroCopy::kOff}},
                       "send without copying [auto]");
  add_size(echo, "--buffer-size", knobs.buffer_bytes, kBufferBytesRange,
           "one receive buffer [60KiB]");
  add_number(echo, "--buffers", knobs.buffer_count_max, kBuffersRange,
             "most receive buffers of a worker [512]");
}

void add_ring(CLI::App& echo, LaboratoryOptions& knobs) {
  add_switch(echo, "--fixed-files", knobs.fixed_files, "accept into the ring's own table [off]");
  add_choice<TaskRun>(
      echo, "--taskrun", knobs.task_run,
      {{"defer", TaskRun::kDefer}, {"coop", TaskRun::kCooperative}, {"none", TaskRun::kNone}},
      "when io_uring runs completion work [defer]");
  echo.add_flag("--sqpoll", knobs.submission_thread, "let a kernel thread submit [off]")
      ->disable_flag_override();
  add_choice<AcceptMode>(echo, "--accept", knobs.accept,
                         {{"auto", AcceptMode::kAuto},
                          {"poll", AcceptMode::kPoll},
                          {"single", AcceptMode::kSingle},
                          {"multishot", AcceptMode::kMultishot}},
                         "how to accept [auto]");
  add_switch(echo, "--restrictions", knobs.restrictions, "allow the ring only what is in use [on]");
}

void into_group(CLI::App& echo, std::size_t first) {
  const auto all = echo.get_options();
  for (std::size_t i = first; i < all.size(); ++i) all[i]->group(kLaboratory);
}

// The last word on the options together, once each of them is good.
void check(const CLI::App& echo, EchoOptions& echo_options) {
  host::HostOptions& options = echo_options.host;
  for (const Address& address : echo_options.addresses) {
    echo_options.application.where.push_back({address, echo_options.listen});
  }
  const Given given = [&echo](const std::string& option) { return echo.count(option) > 0; };
  if (const auto conflict = find_conflict(options, given)) {
    refuse(conflict->option, conflict->reason);
  }
  LaboratoryOptions& knobs = options.worker.laboratory;
  if (knobs.submission_thread) knobs.task_run = TaskRun::kNone;
}

}  // namespace

void add_echo(CLI::App& app, std::function<int()>& chosen) {
  CLI::App& echo = *app.add_subcommand("echo", kEchoDescription)->footer(kEchoExample);
  const auto options = std::make_shared<EchoOptions>();
  host::HostOptions& host = options->host;
  host.name = "echo";
  host.version = OURO_VERSION;
  host.application = &options->application;
  add_addresses(echo, "--listen", options->addresses, "where to serve; give it again for more");
  add_server_options(echo, host);
  add_limits(echo, *options);
  const std::size_t common = echo.get_options().size();
  add_data_path(echo, host.worker.laboratory);
  add_ring(echo, host.worker.laboratory);
  into_group(echo, common);
  echo.final_callback([&echo, &chosen, options] {
    check(echo, *options);
    chosen = [options] { return host::run_host(options->host); };
  });
}

}  // namespace ouro::cli
