// Declaring options so that a wrong value is one line that names the option and says what would be
// right: "--window: '12q' is not a size; try 256KiB".
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ouro/address.h"
#include "ouro/error.h"
#include "ouro/options.h"

namespace ouro::cli {

// What is wrong with an option, on its way to main().
[[noreturn]] void refuse(const std::string& option, const std::string& reason);

// The option's text goes through `read`, which says what is wrong with it, or nothing.
using Read = std::function<Result<void>(const std::string& text)>;
CLI::Option* add_text(CLI::App& app, const std::string& name, Read read, const std::string& help);

inline constexpr std::uint64_t kMib = 1 << 20;

// Least and most that is allowed, both included.
template <typename T>
struct Range {
  T least;
  T most;
};

// "--window 256KiB", "--idle-timeout 2s", "--backlog 128". Out of range is refused.
CLI::Option* add_size(CLI::App& app, const std::string& name, std::size_t& into,
                      Range<std::uint64_t> range, const std::string& help);
CLI::Option* add_time(CLI::App& app, const std::string& name, std::chrono::milliseconds& into,
                      Range<std::chrono::milliseconds> range, const std::string& help);

// A whole number within a range; the error begins with the quoted text.
[[nodiscard]] Result<std::uint64_t> parse_number(const std::string& text,
                                                 Range<std::uint64_t> range);

template <std::integral T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& into, Range<std::uint64_t> range,
                        const std::string& help) {
  const auto read = [&into, range](const std::string& text) -> Result<void> {
    const auto number = parse_number(text, range);
    if (!number) return std::unexpected(number.error());
    into = static_cast<T>(*number);
    return {};
  };
  return add_text(app, name, read, help)->type_name("N");
}

// One of several words, each with what it stands for.
template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

// "'fast' is not one of auto, uring, epoll", with the nearest as a guess.
[[nodiscard]] std::string not_one_of(const std::string& text,
                                     const std::vector<std::string>& words);

template <typename T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& into, Choices<T> choices,
                        const std::string& help) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(choice.first);
  const auto read = [&into, choices = std::move(choices),
                     words](const std::string& text) -> Result<void> {
    const auto found = std::ranges::find(choices, text, &std::pair<std::string, T>::first);
    if (found == choices.end()) return fail(Errc::kInvalid, not_one_of(text, words));
    into = found->second;
    return {};
  };
  return add_text(app, name, read, help)->type_name(CLI::detail::join(words, "|"));
}

// auto|uring|epoll
CLI::Option* add_engine(CLI::App& app, EngineChoice& into, const std::string& help);

CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& into,
                        const std::string& help);  // on|off

// May be given again for more addresses; the same one twice is refused.
CLI::Option* add_addresses(CLI::App& app, const std::string& name, std::vector<Address>& into,
                           const std::string& help);

}  // namespace ouro::cli
