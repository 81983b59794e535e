#include "cli/options.h"

#include <charconv>

#include "base/nearest.h"
#include "base/units.h"

namespace ouro::cli {
namespace {

constexpr const char* kAddressType = "ADDR:PORT|unix:PATH";

// A value within a range, else what would be within it.
template <typename T, typename Format>
Result<T> within(const std::string& text, Result<T> value, Range<T> range, Format format) {
  if (!value || (*value >= range.least && *value <= range.most)) return value;
  const bool small = *value < range.least;
  return fail(Errc::kInvalid,
              "'" + text + "' is too " + (small ? "small" : "large") + "; the " +
                  (small ? "least is " + format(range.least) : "most is " + format(range.most)));
}

// Port 0 is another port each time, so it is no repetition.
Result<void> add_address(std::vector<Address>& into, const std::string& text) {
  const auto address = Address::parse(text);
  if (!address) return std::unexpected(address.error());
  const bool fixed = address->is_unix() || address->port() != 0;
  if (fixed && std::ranges::find(into, *address) != into.end()) {
    return fail(Errc::kInvalid, "'" + text + "' is given twice");
  }
  into.push_back(*address);
  return {};
}

}  // namespace

void refuse(const std::string& option, const std::string& reason) {
  throw CLI::ValidationError(option, reason);
}

CLI::Option* add_text(CLI::App& app, const std::string& name, Read read, const std::string& help) {
  // Of "-c,--connections" an error names the second.
  const std::size_t begin = name.find("--");
  const std::string shown = name.substr(begin, name.find(',', begin) - begin);
  const auto take = [shown, read = std::move(read)](const std::string& text) {
    if (const auto done = read(text); !done) refuse(shown, done.error().what);
  };
  return app.add_option_function<std::string>(name, take, help);
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::size_t& into,
                      Range<std::uint64_t> range, const std::string& help) {
  const auto read = [&into, range](const std::string& text) -> Result<void> {
    const auto size = within(text, parse_size(text), range, format_size);
    if (!size) return std::unexpected(size.error());
    into = *size;
    return {};
  };
  return add_text(app, name, read, help)->type_name("SIZE");
}

CLI::Option* add_time(CLI::App& app, const std::string& name, std::chrono::milliseconds& into,
                      Range<std::chrono::milliseconds> range, const std::string& help) {
  const auto read = [&into, range](const std::string& text) -> Result<void> {
    const auto time = within(text, parse_duration(text), range, format_duration);
    if (!time) return std::unexpected(time.error());
    into = *time;
    return {};
  };
  return add_text(app, name, read, help)->type_name("TIME");
}

Result<std::uint64_t> parse_number(const std::string& text, Range<std::uint64_t> range) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const bool whole = error == std::errc{} && stop == end;
  if (whole && number >= range.least && number <= range.most) return number;
  return fail(Errc::kInvalid, "'" + text + "' is not a number from " + std::to_string(range.least) +
                                  " to " + std::to_string(range.most));
}

std::string not_one_of(const std::string& text, const std::vector<std::string>& words) {
  const std::string guess = nearest(text, words);
  return "'" + text + "' is not one of " + CLI::detail::join(words, ", ") +
         (guess.empty() ? "" : "; did you mean " + guess + "?");
}

CLI::Option* add_engine(CLI::App& app, EngineChoice& into, const std::string& help) {
  return add_choice<EngineChoice>(app, "--engine", into,
                                  {{"auto", EngineChoice::kAuto},
                                   {"uring", EngineChoice::kUring},
                                   {"epoll", EngineChoice::kEpoll}},
                                  help);
}

CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& into,
                        const std::string& help) {
  return add_choice<bool>(app, name, into, {{"on", true}, {"off", false}}, help);
}

CLI::Option* add_addresses(CLI::App& app, const std::string& name, std::vector<Address>& into,
                           const std::string& help) {
  const auto take = [name, &into](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (const auto added = add_address(into, text); !added) refuse(name, added.error().what);
    }
  };
  return app.add_option_function<std::vector<std::string>>(name, take, help)
      ->type_name(kAddressType)
      ->allow_extra_args(false);
}

}  // namespace ouro::cli
