// The keys of a config, in one table: what the reader takes, what its errors say would be right,
// and what docs/config.md lists, which a test compares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ouro::proxy {

// The tables that keys stand in.
enum class Section : std::uint8_t {
  kFile,
  kWorkers,
  kAdmin,
  kLog,
  kLimits,
  kTimeouts,
  kNames,
  kListen,
  kRoute,
  kUpstream,
  kServer,
  kHealth,
  kEjection,
};

// "[workers]", "[[listen]]", "servers".
[[nodiscard]] std::string_view title(Section section) noexcept;

enum class KeyType : std::uint8_t {
  kText,
  kBytes,    // text that may hold line ends and the like
  kTexts,    // one text, or a list of them
  kNumber,   // a whole one
  kNumbers,  // a list of them
  kCount,    // a whole number or "auto"
  kSize,
  kTime,
  kFlag,
  kChoice,  // one of several words
  kTable,
  kTables,
};

struct Key {
  Section section;
  std::string_view name;
  KeyType type;
  // As it would be written; or words on what is the case when the key is not there.
  std::string_view by_default;
  // Of the value: numbers, bytes, milliseconds; letters of a text; elements of texts and tables.
  std::int64_t least;
  std::int64_t most;
  std::string_view words;  // kChoice: in the order of the enum, with | between them
  bool reloads;            // a reload can change it
  std::string_view meaning;
};

constexpr std::size_t kNumbersMost = 100;  // in a list of them

[[nodiscard]] std::span<const Key> config_keys() noexcept;
// There has to be such a key.
[[nodiscard]] const Key& config_key(Section section, std::string_view name) noexcept;
[[nodiscard]] std::vector<std::string> names_of_keys(Section section);
[[nodiscard]] std::vector<std::string> words_of(const Key& key);

// "1 to 65535", "0 to 24h", "text, json".
[[nodiscard]] std::string range_of(const Key& key);
// What the value has to be: "a whole number from 1 to 65535".
[[nodiscard]] std::string shape_of(const Key& key);

}  // namespace ouro::proxy
