#include "base/log.h"

#include <atomic>
#include <chrono>

#include "base/time_text.h"

namespace ouro::log {
namespace {

// A pipe takes up to this many bytes in one piece, so lines of several processes do not mix.
constexpr std::size_t kLineMax = 4096;

std::atomic<Level> current_level{Level::kInfo};
std::atomic<Sink> current_sink{nullptr};
std::atomic<std::uint64_t> dropped_total{0};
std::atomic<std::uint64_t> dropped_untold{0};

// Set at the start of a process, before it has threads.
std::string& who_am_i() {
  static std::string who;
  return who;
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return false;
}

// Keeps one event on one line, whatever a value holds.
void append_value(std::string& line, std::string_view text) {
  if (!needs_quotes(text)) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    if (c == '"' || c == '\\') line += '\\';
    line += control ? ' ' : c;
  }
  line += '"';
}

bool hand_to_sink(Sink sink, std::string_view line) {
  if (sink(line)) return true;
  dropped_total.fetch_add(1, std::memory_order_relaxed);
  dropped_untold.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void tell_what_was_dropped(Sink sink, std::uint64_t now_ms) {
  const std::uint64_t lost = dropped_untold.exchange(0, std::memory_order_relaxed);
  if (lost == 0) return;
  if (!sink(format_line(now_ms, Level::kWarn, who_am_i(), "log_dropped", {{"lines", lost}}))) {
    dropped_untold.fetch_add(lost, std::memory_order_relaxed);
  }
}

}  // namespace

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::kError:
      return "error";
    case Level::kWarn:
      return "warn";
    case Level::kInfo:
      return "info";
    case Level::kDebug:
      return "debug";
  }
  return "error";
}

void set_level(Level level) noexcept { current_level.store(level, std::memory_order_relaxed); }

void set_sink(Sink sink) noexcept { current_sink.store(sink, std::memory_order_relaxed); }

bool enabled(Level level) noexcept {
  return level <= current_level.load(std::memory_order_relaxed) &&
         current_sink.load(std::memory_order_relaxed) != nullptr;
}

void set_who(std::string_view who) { who_am_i() = who; }

std::uint64_t dropped() noexcept { return dropped_total.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  const Sink sink = current_sink.load(std::memory_order_relaxed);
  const std::uint64_t now_ms = unix_ms_now();
  if (hand_to_sink(sink, format_line(now_ms, level, who_am_i(), event, fields))) {
    tell_what_was_dropped(sink, now_ms);
  }
}

std::string format_line(std::uint64_t unix_ms, Level level, std::string_view who,
                        std::string_view event, std::initializer_list<Field> fields) {
  std::string line = time_text(unix_ms);
  line += ' ';
  line += to_string(level);
  if (!who.empty()) (line += ' ') += who;
  line += " event=";
  append_value(line, event);
  for (const Field& field : fields) {
    ((line += ' ') += field.key) += '=';
    append_value(line, field.value);
  }
  if (line.size() >= kLineMax) line.resize(kLineMax - 1);
  line += '\n';
  return line;
}

}  // namespace ouro::log
