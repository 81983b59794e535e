// `ouro load`: the options of a run, and where its results go.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "base/units.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "load/html_report.h"
#include "load/json_report.h"
#include "load/live_view.h"
#include "load/run.h"
#include "load/text_report.h"
#include "os/terminal.h"

namespace ouro::cli {
namespace {

using namespace std::chrono_literals;
using load::LoadOptions;
using load::Mode;

constexpr std::uint64_t kClientsMax = 1 << 20;
constexpr std::uint64_t kDepthMax = 1 << 16;
constexpr std::uint64_t kAskedMax = 1 << 24;
constexpr std::uint64_t kThreadsMax = 1024;
constexpr double kRateMax = 1e7;

constexpr const char* kLoadDescription =
    "A load generator for TCP echo and HTTP/1.1 servers that shows each connection's share.";
constexpr const char* kLoadExample =
    "Example:\n"
    "  ouro load 127.0.0.1:7007 --connections 64 --size 1024 --duration 5 --verify\n"
    "  ouro load 127.0.0.1:7007 --rate 50000 --poisson --html run.html\n"
    "  ouro load http://127.0.0.1:8080/ -c 100 -d 10s --json run.json\n"
    "\n"
    "TARGET is ADDR:PORT or unix:PATH of an echo server, or http://HOST:PORT/PATH.\n"
    "SIZE is 4096, 64k or 1MiB; TIME is 5 (seconds), 500ms, 2s or 1m.";

struct LoadCommand {
  LoadOptions options;
  std::string target;
  std::string json;
  std::string html;
  int server_process = 0;
};

// Seconds may be said without their unit, as to other load generators.
CLI::Option* add_seconds(CLI::App& load, const std::string& name,
                         std::function<void(std::chrono::milliseconds)> take,
                         Range<std::chrono::milliseconds> range, const std::string& help) {
  const auto read = [take = std::move(take), range](const std::string& text) -> Result<void> {
    const bool bare = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    const auto time = parse_duration(bare ? text + "s" : text);
    if (!time) return std::unexpected(time.error());
    if (*time < range.least || *time > range.most) {
      return fail(Errc::kInvalid,
                  fmt::format("'{}' is not between {} and {}", text, format_duration(range.least),
                              format_duration(range.most)));
    }
    take(*time);
    return {};
  };
  return add_text(load, name, read, help)->type_name("TIME");
}

void add_rate(CLI::App& load, double& into) {
  const auto read = [&into](const std::string& text) -> Result<void> {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (error != std::errc{} || end != text.data() + text.size() || !(into > 0) ||
        into > kRateMax) {
      return fail(Errc::kInvalid,
                  "'" + text + "' is not a rate; try 50000 (requests a second), at most 10000000");
    }
    return {};
  };
  add_text(load, "-R,--rate", read, "requests a second over all connections; means --mode rate")
      ->type_name("N");
}

// A header could otherwise end the request early and begin another.
Result<void> check_header(const std::string& text) {
  const std::size_t colon = text.find(':');
  const bool control = std::ranges::any_of(text, [](unsigned char c) { return c < ' '; });
  if (colon == text.npos || colon == 0 || control) {
    return fail(Errc::kInvalid, "'" + text + "' is not a header; try 'Accept: text/html'");
  }
  return {};
}

void add_headers(CLI::App& load, std::vector<std::string>& into) {
  const auto take = [&into](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (const auto good = check_header(text); !good) refuse("--header", good.error().what);
      into.push_back(text);
    }
  };
  load.add_option_function<std::vector<std::string>>(
          "-H,--header", take, "a header of the HTTP request; give it again for more")
      ->type_name("'NAME: VALUE'")
      ->allow_extra_args(false);
}

void add_work(CLI::App& load, LoadCommand& command) {
  LoadOptions& options = command.options;
  load.add_option("TARGET,--address", command.target, "the server")->type_name("");
  add_choice<Mode>(load, "--mode", options.mode,
                   {{"request", Mode::kRequest},
                    {"stream", Mode::kStream},
                    {"rate", Mode::kRate},
                    {"churn", Mode::kChurn},
                    {"idle", Mode::kIdle}},
                   "closed loop, stream, open loop, short connections, or quiet ones [request]");
  add_number(load, "-c,--connections,--number", options.connections, {1, kClientsMax},
             "connections held at a time [64]");
  add_size(load, "--size,--length", options.size, {1, 64 * kMib}, "one message [1KiB]");
  add_number(load, "--depth", options.depth, {1, kDepthMax},
             "requests on their way on one connection [1]");
  add_headers(load, options.headers);
  add_rate(load, options.rate);
  load.add_flag("--poisson", options.poisson, "random gaps between requests, not even ones")
      ->disable_flag_override();
  add_size(load, "--window", options.window, {1, 1024 * kMib},
           "bytes of a stream that are not back yet [256KiB]");
  add_number(load, "--active", options.active, {1, kClientsMax},
             "of quiet connections, how many are asked once a second [100]");
}

void add_run(CLI::App& load, LoadCommand& command) {
  LoadOptions& options = command.options;
  add_seconds(
      load, "-d,--duration", [&options](auto time) { options.duration = time; }, {100ms, 24h},
      "how long to measure [10s]");
  add_seconds(
      load, "--warmup", [&options](auto time) { options.warm_up = time; }, {0ms, 1h},
      "and how long not to, before [a tenth, at most 1s]");
  add_number(load, "-t,--threads", options.threads, {1, kThreadsMax}, "threads that ask [1]");
  add_engine(load, options.engine, "the generator's own engine [auto]");
  load.add_flag("--verify", options.verify, "check every byte that comes back")
      ->disable_flag_override();
  add_number(load, "--server-pid", command.server_process, {1, 1 << 22},
             "measure this process and its children as well");
  load.add_option("--json", command.json,
                  "write all figures to a file, or with - to standard output in place "
                  "of the text; docs/load.md has the schema")
      ->type_name("FILE");
  load.add_option("--html", command.html, "write a page with plots to a file")->type_name("FILE");
}

// Options that have no meaning in the mode or with the target are mistakes, not to be ignored.
void check_mode(const CLI::App& load, const LoadOptions& options) {
  const auto only = [&](const char* option, bool fits, const char* reason) {
    if (load.count(option) > 0 && !fits) refuse(option, reason);
  };
  const Mode mode = options.mode;
  const bool http = options.target.protocol == load::Protocol::kHttp;
  only("--rate", mode == Mode::kRate, "is for --mode rate");
  only("--poisson", mode == Mode::kRate, "is for --mode rate");
  only("--window", mode == Mode::kStream, "is for --mode stream");
  only("--active", mode == Mode::kIdle, "is for --mode idle");
  only("--depth", mode == Mode::kRequest || mode == Mode::kRate,
       "is for --mode request and --mode rate");
  only("--size", !http, "is for echo servers; what HTTP brings is the server's to say");
  only("--verify", !http, "is for echo servers; only there is known what should come");
  only("--header", http, "is for HTTP servers");
  if (http && mode == Mode::kStream) refuse("--mode", "'stream' is for echo servers");
  if (mode == Mode::kRate && load.count("--rate") == 0) refuse("--rate", "is needed for this mode");
}

void check(const CLI::App& load, LoadCommand& command) {
  LoadOptions& options = command.options;
  if (command.target.empty()) refuse("TARGET", "is needed; try 127.0.0.1:7007");
  const auto target = load::parse_target(command.target);
  if (!target) refuse("TARGET", target.error().what);
  options.target = *target;
  if (load.count("--rate") > 0 && load.count("--mode") == 0) options.mode = Mode::kRate;
  check_mode(load, options);
  if (options.connections * options.depth > kAskedMax) {
    refuse("--depth", "is too many requests over all connections; the most is 16777216");
  }
  if (options.threads > options.connections) {
    refuse("--threads", "are more than there are connections");
  }
  if (!command.json.empty() && command.json == command.html) {
    refuse("--html", "is the same file as that of --json");
  }
  if (command.html == "-") refuse("--html", "needs a file");
  if (command.server_process > 0) options.server_process = command.server_process;
}

constexpr const char* kStandardOutput = "-";

bool write_file(const std::string& path, const std::string& text, std::ios::openmode how) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | how);
  file << text << std::flush;
  if (file.good()) return true;
  std::fprintf(stderr, "ouro load: cannot write %s: %s\n", path.c_str(), std::strerror(errno));
  return false;
}

// Before the run, whose figures would be lost.
bool can_write(const std::string& path) {
  return path.empty() || path == kStandardOutput || write_file(path, "", std::ios::app);
}

bool tell(const LoadCommand& command, const load::Results& results) {
  const bool only_json = command.json == kStandardOutput;
  const std::string text =
      only_json ? load::json_report(results, OURO_VERSION) : load::text_report(results);
  bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (!written) std::fputs("ouro load: cannot write the results to standard output\n", stderr);
  if (!command.json.empty() && !only_json) {
    written &= write_file(command.json, load::json_report(results, OURO_VERSION), std::ios::trunc);
  }
  if (!command.html.empty()) {
    written &= write_file(command.html, load::html_report(results, OURO_VERSION), std::ios::trunc);
  }
  return written;
}

int run_command(const LoadCommand& command) {
  if (!can_write(command.json) || !can_write(command.html)) return 1;
  load::LiveView view(command.options);
  const bool live = os::error_is_terminal();
  const auto show = [live](const std::string& text) {
    if (live) std::fputs(text.c_str(), stderr);
  };
  const auto results = load::run_load(
      command.options, [&](const load::Progress& progress) { show(view.draw(progress)); });
  show(view.erase());
  if (!results) {
    std::fprintf(stderr, "ouro load: %s\n", results.error().what.c_str());
    return 1;
  }
  const bool written = tell(command, *results);
  const bool nothing_due = open_loop(command.options.mode) && scheduled(*results) == 0;
  const bool served = results->requests > 0 || nothing_due;
  return written && served && results->corrupt == 0 ? 0 : 1;
}

}  // namespace

void add_load(CLI::App& app, std::function<int()>& chosen) {
  CLI::App& load = *app.add_subcommand("load", kLoadDescription)->footer(kLoadExample);
  const auto command = std::make_shared<LoadCommand>();
  add_work(load, *command);
  add_run(load, *command);
  load.final_callback([&load, &chosen, command] {
    check(load, *command);
    chosen = [command] { return run_command(*command); };
  });
}

}  // namespace ouro::cli
