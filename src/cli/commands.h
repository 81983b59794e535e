// The subcommands of `ouro`. Each function adds one to the program; when it is the one that was
// asked for and its arguments are good, it sets `chosen` to what main() then runs for the exit
// code. Wrong arguments are thrown as a CLI::ParseError, which main() says in one line.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace ouro::cli {

void add_echo(CLI::App& app, std::function<int()>& chosen);
void add_proxy(CLI::App& app, std::function<int()>& chosen);
void add_ctl(CLI::App& app, std::function<int()>& chosen);
void add_load(CLI::App& app, std::function<int()>& chosen);
void add_study(CLI::App& app, std::function<int()>& chosen);
void add_doctor(CLI::App& app, std::function<int()>& chosen);

}  // namespace ouro::cli
