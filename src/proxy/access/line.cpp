#include "proxy/access/line.h"

#include <fmt/format.h>

#include <iterator>

#include "base/letters.h"
#include "base/time_text.h"

namespace ouro::proxy {
namespace {

// key=value, with a space between; what there is not is "-".
class PlainLine {
 public:
  explicit PlainLine(std::string& to) noexcept : to_(to) {}

  void text(std::string_view key, std::string_view value) {
    begin(key);
    append_plain_text(to_, value);
  }
  void nothing(std::string_view key) {
    begin(key);
    to_ += '-';
  }
  void value(std::string_view key, std::string_view number) {
    begin(key);
    to_ += number;
  }
  void end() { to_ += '\n'; }

 private:
  void begin(std::string_view key) {
    if (!first_) to_ += ' ';
    first_ = false;
    (to_ += key) += '=';
  }

  std::string& to_;
  bool first_ = true;
};

// One object; what there is not is null.
class JsonLine {
 public:
  explicit JsonLine(std::string& to) noexcept : to_(to) {}

  void text(std::string_view key, std::string_view value) {
    begin(key);
    append_json_text(to_, value);
  }
  void nothing(std::string_view key) {
    begin(key);
    to_ += "null";
  }
  void value(std::string_view key, std::string_view number) {
    begin(key);
    to_ += number;
  }
  void end() { to_ += "}\n"; }

 private:
  void begin(std::string_view key) {
    to_ += first_ ? '{' : ',';
    first_ = false;
    ((to_ += '"') += key) += "\":";
  }

  std::string& to_;
  bool first_ = true;
};

template <typename Line>
void put_name(Line& line, std::string_view key, std::string_view name) {
  name.empty() ? line.nothing(key) : line.text(key, name);
}

template <typename Line>
void put_address(Line& line, std::string_view key, const Address& address) {
  const bool known = address.family() != Address::Family::kNone;
  known ? line.text(key, address.to_string()) : line.nothing(key);
}

template <typename Line>
void put_number(Line& line, std::string_view key, std::uint64_t number) {
  line.value(key, fmt::format_int(number).c_str());
}

template <typename Line>
void put_milliseconds(Line& line, std::string_view key, double time) {
  line.value(key, fmt::format("{:.3f}", time));
}

double in_ms(std::uint64_t time_ns) { return static_cast<double>(time_ns) * 1e-6; }

template <typename Line>
void put_fields(Line line, const AccessRecord& record, std::uint64_t unix_ms) {
  const SessionEnd& end = record.end;
  const auto spent = [&end](Phase phase) {
    return in_ms(end.spent_ns[static_cast<std::size_t>(phase)]);
  };
  line.text("time", time_text(unix_ms));
  put_address(line, "client", record.client);
  put_name(line, "listener", record.listener);
  put_name(line, "upstream", record.upstream);
  put_address(line, "server", record.server);
  put_name(line, "host", record.host);
  put_number(line, "to_server", end.to_server_bytes);
  put_number(line, "to_client", end.to_client_bytes);
  put_milliseconds(line, "header_ms", spent(Phase::kHeader));
  put_milliseconds(line, "queue_ms", spent(Phase::kQueue));
  put_milliseconds(line, "connect_ms", spent(Phase::kConnect));
  put_milliseconds(line, "total_ms", in_ms(end.ended_ns - end.begun_ns));
  put_number(line, "retries", end.retries);
  line.text("by", to_string(end.by()));
  line.text("phase", to_string(end.phase));
  line.text("cause", to_string(end.cause));
  end.reason == Errc::kNone ? line.nothing("error") : line.text("error", to_string(end.reason));
  line.end();
}

// How many bytes of `text` are one letter of UTF-8; 0: they are none.
std::size_t letter_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than need be, halves of UTF-16, and beyond the last.
  const unsigned char second = byte(1);
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : size;
}

bool needs_quotes(std::string_view text) {
  if (text.empty() || text == "-") return true;
  for (const char letter : text) {
    if (is_control(letter) || letter == ' ' || letter == '"' || letter == '=' || letter == '\\') {
      return true;
    }
  }
  return false;
}

}  // namespace

void append_json_text(std::string& to, std::string_view text) {
  to += '"';
  while (!text.empty()) {
    const char letter = text[0];
    const std::size_t size = letter_bytes(text);
    if (size == 0) {
      to += "\\ufffd";
    } else if (is_control(letter)) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned char>(letter));
    } else {
      if (letter == '"' || letter == '\\') to += '\\';
      to += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  to += '"';
}

void append_plain_text(std::string& to, std::string_view text) {
  if (!needs_quotes(text)) {
    to += text;
    return;
  }
  to += '"';
  for (const char letter : text) {
    if (is_control(letter)) {
      fmt::format_to(std::back_inserter(to), "\\x{:02x}", static_cast<unsigned char>(letter));
      continue;
    }
    if (letter == '"' || letter == '\\') to += '\\';
    to += letter;
  }
  to += '"';
}

void append_line(std::string& to, const AccessRecord& record, AccessFormat format,
                 std::uint64_t unix_ms) {
  if (format == AccessFormat::kJson) return put_fields(JsonLine(to), record, unix_ms);
  put_fields(PlainLine(to), record, unix_ms);
}

}  // namespace ouro::proxy
