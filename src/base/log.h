// The log: one structured line per event on stderr.
//
//   2026-01-01T00:00:00.000Z warn worker=3 event=worker_died pid=4711 signal=9
//
// Any process and any thread may log; each line is handed to the sink in one piece. Nothing here
// blocks and nothing here fails: a line that cannot be written is dropped and counted, and the
// next one that can be written says how many were lost.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace ouro::log {

enum class Level : std::uint8_t { kError, kWarn, kInfo, kDebug };

[[nodiscard]] std::string_view to_string(Level level) noexcept;

// Writes a whole line or nothing; false: it was dropped.
using Sink = bool (*)(std::string_view line) noexcept;

// Which lines are written, and where to. Until there is a sink, nothing is.
void set_level(Level level) noexcept;
void set_sink(Sink sink) noexcept;
[[nodiscard]] bool enabled(Level level) noexcept;
// Put into every line of this process: "master", "worker=3", "attendant".
void set_who(std::string_view who);
// Lines lost since the process began.
[[nodiscard]] std::uint64_t dropped() noexcept;

// One key=value of a line; a value that has spaces or quotes is quoted.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(text) {}
  Field(std::string_view name, const std::string& text) : key(name), value(text) {}
  Field(std::string_view name, std::integral auto number)
      : key(name), value(std::to_string(number)) {}
};

// `event` is a word that a machine can look for: "worker_died".
void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});

inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kError, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kWarn, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kInfo, event, fields);
}
inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kDebug, event, fields);
}

// The line as the sink gets it, newline included. `unix_ms` is wall-clock time.
[[nodiscard]] std::string format_line(std::uint64_t unix_ms, Level level, std::string_view who,
                                      std::string_view event, std::initializer_list<Field> fields);

}  // namespace ouro::log
