#include "base/units.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

namespace ouro {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kKib = 1 << 10;
constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint64_t kGib = 1 << 30;

// From the largest to the smallest; the first of each factor is the one that is printed.
constexpr Unit kSizeUnits[] = {
    {"GiB", kGib}, {"G", kGib}, {"MiB", kMib}, {"M", kMib},
    {"KiB", kKib}, {"K", kKib}, {"", 1},       {"B", 1},
};

constexpr Unit kTimeUnits[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};

struct Quantity {
  std::uint64_t number;
  std::string_view unit;
};

std::optional<Quantity> split(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) number = std::numeric_limits<std::uint64_t>::max();
  if (error == std::errc::invalid_argument) return std::nullopt;
  return Quantity{number, std::string_view(stop, end)};
}

char to_lower(char letter) {
  return static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  const auto found = std::ranges::find_if(units, [name](const Unit& unit) {
    return std::ranges::equal(unit.name, name, {}, to_lower, to_lower);
  });
  return found == units.end() ? nullptr : &*found;
}

// The number times its unit; `no_such` is the end of the sentence about a text that is neither.
Result<std::uint64_t> parse(std::string_view text, std::span<const Unit> units,
                            const char* no_such) {
  const std::string quoted = "'" + std::string(text) + "'";
  const auto quantity = split(text);
  const Unit* unit = quantity ? find_unit(units, quantity->unit) : nullptr;
  if (unit == nullptr) return fail(Errc::kInvalid, quoted + no_such);
  // Signed durations must hold it too.
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (quantity->number > kMax / unit->factor) return fail(Errc::kInvalid, quoted + " is too large");
  return quantity->number * unit->factor;
}

std::string format(std::uint64_t amount, std::span<const Unit> units) {
  const auto exact = [amount](const Unit& unit) { return amount % unit.factor == 0; };
  const auto found = std::ranges::find_if(units, exact);
  return std::to_string(amount / found->factor) + std::string(found->name);
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse(text, kSizeUnits, " is not a size; try 256KiB");
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds{0};
  const auto amount = parse(text, kTimeUnits, " is not a time; try 2s or 500ms");
  if (!amount) return std::unexpected(amount.error());
  return std::chrono::milliseconds{static_cast<std::int64_t>(*amount)};
}

std::string format_size(std::uint64_t bytes) {
  return bytes == 0 ? "0" : format(bytes, kSizeUnits);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto amount = static_cast<std::uint64_t>(duration.count());
  return amount == 0 ? "0" : format(amount, kTimeUnits);
}

}  // namespace ouro
