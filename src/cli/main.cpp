// `ouro`: finds the command that was asked for and says what is wrong with its arguments.
//
// Exit codes: 0 done, 1 failed, 2 wrong arguments.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "base/nearest.h"
#include "cli/commands.h"
#include "os/process.h"

namespace ouro::cli {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitArguments = 2;

// How a program of this name is asked for help: "ouro echo".
std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return (parent == nullptr ? "" : full_name(*parent) + " ") + command.get_name();
}

std::string guess(const std::string& word, const std::vector<std::string>& words) {
  const std::string found = nearest(word, words);
  return found.empty() ? "" : "; did you mean " + found + "?";
}

// The command whose arguments were being read.
const CLI::App& current(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() || !app.remaining().empty() ? app : *chosen.front();
}

std::string unknown_option(const CLI::App& command, const std::string& argument) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) known.push_back(option->get_name());
  const std::string name = argument.substr(0, argument.find('='));
  const std::string hint = guess(name, known);
  return name + ": there is no such option" +
         (hint.empty() ? "; see " + full_name(command) + " --help" : hint);
}

std::string unknown_word(const CLI::App& command, const std::string& word) {
  std::vector<std::string> known;
  for (const CLI::App* sub : command.get_subcommands({})) known.push_back(sub->get_name());
  const std::string see = "; see " + full_name(command) + " --help";
  if (known.empty()) return "'" + word + "' belongs to no option" + see;
  const std::string hint = guess(word, known);
  return "'" + word + "' is not a command" + (hint.empty() ? see : hint);
}

// CLI11 says these in words that change from version to version.
std::string mismatch(const CLI::App& command, const std::string& what) {
  std::string name = what.substr(0, what.find_first_of(": "));
  if (!name.starts_with('-')) name.insert(0, "--");
  const CLI::Option* option = command.get_option_no_throw(name);
  if (option == nullptr) return what;
  if (option->get_items_expected_max() == 0) return name + ": takes no value";
  return name + (option->count() > 1 ? ": is given more than once"
                                     : ": needs a value, " + option->get_type_name());
}

std::string explain(const CLI::App& command, const CLI::ParseError& error) {
  const int kind = error.get_exit_code();
  if (kind == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::string extra = command.remaining().front();
    return extra.starts_with('-') ? unknown_option(command, extra) : unknown_word(command, extra);
  }
  const bool miscounted = kind == static_cast<int>(CLI::ExitCodes::ArgumentMismatch);
  return miscounted ? mismatch(command, error.what()) : error.what();
}

// One line, whatever was in the arguments.
int complain(const CLI::App& command, std::string why) {
  std::ranges::replace_if(why, [](unsigned char letter) { return letter < ' '; }, '?');
  std::fprintf(stderr, "%s: %s\n", full_name(command).c_str(), why.c_str());
  return kExitArguments;
}

void describe(CLI::App& app) {
  app.get_formatter()->column_width(34);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.set_help_flag("-h,--help", "print this and exit; also after a command");
  app.set_version_flag("--version", "ouro " OURO_VERSION, "print the version and exit");
  app.footer("Example:\n  ouro echo --listen 127.0.0.1:7007\n  ouro echo --help");
}

void add_commands(CLI::App& app, std::function<int()>& chosen) {
  add_echo(app, chosen);
  add_proxy(app, chosen);
  add_ctl(app, chosen);
  add_load(app, chosen);
  add_study(app, chosen);
  add_doctor(app, chosen);
  for (CLI::App* command : app.get_subcommands({})) {
    command->group("Commands");
    command->set_help_flag("-h,--help", "print this and exit");
  }
}

int run(int argc, char** argv) {
  CLI::App app("TCP servers on io_uring and epoll.", "ouro");
  std::function<int()> chosen;
  describe(app);
  add_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help and --version
      app.exit(error);
      return std::cout.flush() ? 0 : kExitFailed;
    }
    const CLI::App& command = current(app);
    return complain(command, explain(command, error));
  }
  if (app.get_subcommands().size() > 1) return complain(app, "one command at a time");
  return chosen ? chosen() : complain(app, "a command is needed; see ouro --help");
}

}  // namespace
}  // namespace ouro::cli

int main(int argc, char** argv) {
  ouro::os::fill_standard_files();
  return ouro::cli::run(argc, argv);
}
