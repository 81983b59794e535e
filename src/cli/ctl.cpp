// `ouro ctl`: steers a server that runs.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/nearest.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "ctl/steer.h"

namespace ouro::cli {
namespace {

using namespace std::chrono_literals;
using ctl::What;
using ctl::Wish;

constexpr Range<std::chrono::milliseconds> kTimeoutRange{1ms, 24h};
constexpr std::chrono::milliseconds kTimeout = 30s;
// A successor has half a minute to become ready, and that is not to be cut short by a moment.
constexpr std::chrono::milliseconds kUpgradeTimeout = 40s;
constexpr const char* kNoTime = "for ever";

constexpr const char* kDescription = "Steers a server that runs, through its admin address.";
constexpr const char* kExample =
    "Commands:\n"
    "  status                what the server is, and how it is\n"
    "  reload                reads its config again; done when that is in force\n"
    "  upgrade               replaces it by a new run of its program; done when that has taken "
    "over\n"
    "  drain                 ends it when its connections have; done when that has begun\n"
    "  servers [list]        the servers behind it\n"
    "  servers drain NAME    gives that server no new connection\n"
    "  servers ready NAME    does again\n"
    "\n"
    "Example:\n"
    "  ouro ctl --admin unix:/run/ouro.sock status\n"
    "  ouro ctl --admin unix:/run/ouro.sock servers drain web/10.0.0.1:80 --wait 5m\n"
    "\n"
    "Changes need an admin address that is a Unix socket.";

struct CtlOptions {
  std::optional<Address> admin;
  std::vector<std::string> words;
  std::string wait;
  Wish wish;
};

[[noreturn]] void refuse_words(const std::string& reason) { throw CLI::ValidationError(reason); }

template <typename T>
T chosen_from(const Choices<T>& choices, const std::string& word) {
  std::vector<std::string> known;
  for (const auto& [name, what] : choices) {
    if (name == word) return what;
    known.push_back(name);
  }
  const std::string guess = nearest(word, known);
  refuse_words("'" + word + "' is not a command" +
               (guess.empty() ? "; see ouro ctl --help" : "; did you mean " + guess + "?"));
}

// Gives how many words it has taken.
std::size_t read_words(const std::vector<std::string>& words, Wish& wish) {
  if (words.empty()) refuse_words("a command is needed; see ouro ctl --help");
  wish.what = chosen_from<What>({{"status", What::kStatus},
                                 {"reload", What::kReload},
                                 {"upgrade", What::kUpgrade},
                                 {"drain", What::kDrain},
                                 {"servers", What::kServers}},
                                words[0]);
  if (wish.what != What::kServers || words.size() == 1) return 1;
  wish.what = chosen_from<What>(
      {{"list", What::kServers}, {"drain", What::kServerDrain}, {"ready", What::kServerReady}},
      words[1]);
  if (wish.what == What::kServers) return 2;
  if (words.size() == 2 || words[2].empty()) {
    refuse_words("servers " + words[1] + " needs the NAME of a server, as servers list has it");
  }
  wish.server = words[2];
  return 3;
}

void read_wait(const std::string& text, Wish& wish) {
  if (wish.what != What::kServerDrain) refuse("--wait", "goes with servers drain alone");
  wish.wait = true;
  if (text == kNoTime) return;
  const auto time = parse_duration(text);
  if (!time) refuse("--wait", time.error().what);
  wish.wait_most = *time;
}

void check(const CLI::App& ctl, CtlOptions& options) {
  const std::size_t taken = read_words(options.words, options.wish);
  if (taken < options.words.size()) {
    refuse_words("'" + options.words[taken] + "' is one word too many; see ouro ctl --help");
  }
  if (!options.admin) refuse("--admin", "is needed; try --admin unix:/run/ouro.sock");
  if (ctl.count("--wait") > 0) read_wait(options.wait, options.wish);
  if (ctl.count("--timeout") == 0) {
    const bool upgrades = options.wish.what == What::kUpgrade;
    options.wish.timeout = upgrades ? kUpgradeTimeout : kTimeout;
  }
}

int run(const CtlOptions& options) {
  const ctl::Outcome outcome = ctl::carry_out(*options.admin, options.wish);
  for (const std::string& error : outcome.errors) {
    std::fprintf(stderr, "ouro ctl: %s\n", error.c_str());
  }
  const bool written = std::fputs(outcome.out.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return outcome.done && written ? 0 : 1;
}

}  // namespace

void add_ctl(CLI::App& app, std::function<int()>& chosen) {
  CLI::App& ctl = *app.add_subcommand("ctl", kDescription)->footer(kExample);
  const auto options = std::make_shared<CtlOptions>();
  ctl.add_option("command", options->words, "what to do")->type_name("WORDS");
  const auto read = [options](const std::string& text) -> Result<void> {
    const auto address = Address::parse(text);
    if (!address) return std::unexpected(address.error());
    options->admin = *address;
    return {};
  };
  add_text(ctl, "--admin", read, "the server's admin address")->type_name("ADDR:PORT|unix:PATH");
  add_time(ctl, "--timeout", options->wish.timeout, kTimeoutRange,
           "for the answer [30s; upgrade: 40s]");
  ctl.add_option("--wait", options->wait,
                 "servers drain: until it has no connection left [for ever]")
      ->expected(0, 1)
      ->default_str(kNoTime)
      ->option_text("[TIME]");
  ctl.add_flag("--json", options->wish.json, "for programs; docs/ctl.md has the keys")
      ->disable_flag_override();
  ctl.final_callback([&ctl, &chosen, options] {
    check(ctl, *options);
    chosen = [options] { return run(*options); };
  });
}

}  // namespace ouro::cli
