#include "load/http_response.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ouro::load {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view one, std::string_view other) noexcept {
  return std::ranges::equal(one, other, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether a list like "keep-alive, Upgrade" has `word`.
bool lists(std::string_view list, std::string_view word) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (same_word(trimmed(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool parse_count(std::string_view text, int base, std::uint64_t& into) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

HttpResponseReader::Found HttpResponseReader::read(std::string_view& bytes) {
  while (!bytes.empty()) {
    const bool in_lines =
        state_ != State::kBody && state_ != State::kChunk && state_ != State::kUntilClose;
    const Found found = in_lines ? read_line(bytes) : skip(bytes);
    if (found != Found::kNothing) return found;
  }
  return Found::kNothing;
}

HttpResponseReader::Found HttpResponseReader::skip(std::string_view& bytes) {
  if (state_ == State::kUntilClose) {
    bytes = {};
    return Found::kNothing;
  }
  const std::uint64_t count = std::min<std::uint64_t>(left_, bytes.size());
  bytes.remove_prefix(count);
  left_ -= count;
  if (left_ > 0) return Found::kNothing;
  if (state_ == State::kBody) return response_ended();
  state_ = State::kChunkEnd;
  return Found::kNothing;
}

// A line is only copied when it comes in parts.
HttpResponseReader::Found HttpResponseReader::read_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == bytes.npos) {
    line_ += bytes;
    bytes = {};
    return line_.size() > kLineMax ? Found::kGarbage : Found::kNothing;
  }
  std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  const std::string whole = line_.empty() ? std::string() : std::exchange(line_, {}).append(line);
  if (!whole.empty()) line = whole;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return on_line(line);
}

HttpResponseReader::Found HttpResponseReader::on_line(std::string_view line) {
  switch (state_) {
    case State::kStatusLine:
      return status_line(line) ? Found::kNothing : Found::kGarbage;
    case State::kHeaders:
      if (line.empty()) return end_of_headers();
      return header(line) ? Found::kNothing : Found::kGarbage;
    case State::kChunkSize:
      return chunk_size(line) ? Found::kNothing : Found::kGarbage;
    case State::kChunkEnd:
      state_ = State::kChunkSize;
      return line.empty() ? Found::kNothing : Found::kGarbage;
    default:  // trailers
      return line.empty() ? response_ended() : Found::kNothing;
  }
}

bool HttpResponseReader::status_line(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kStatusAt = 9;  // "HTTP/1.1 200 OK"
  std::uint64_t status = 0;
  if (!line.starts_with(kVersion) || line.size() < kStatusAt + 3 || line[kStatusAt - 1] != ' ' ||
      !parse_count(line.substr(kStatusAt, 3), 10, status) || status < 100) {
    return false;
  }
  status_ = static_cast<int>(status);
  close_ = line[kVersion.size()] == '0';
  has_length_ = chunked_ = false;
  left_ = 0;
  state_ = State::kHeaders;
  return true;
}

bool HttpResponseReader::header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_word(name, "content-length")) {
    const std::uint64_t before = left_;
    if (!parse_count(value, 10, left_)) return false;
    return !std::exchange(has_length_, true) || left_ == before;
  }
  if (same_word(name, "transfer-encoding")) chunked_ = lists(value, "chunked");
  if (same_word(name, "connection")) {
    if (lists(value, "close")) close_ = true;
    if (lists(value, "keep-alive")) close_ = false;
  }
  return true;
}

HttpResponseReader::Found HttpResponseReader::end_of_headers() {
  const bool interim = status_ < 200;
  const bool bodyless = status_ == 204 || status_ == 304;
  if (interim) {
    state_ = State::kStatusLine;
    return Found::kNothing;
  }
  if (bodyless || (!chunked_ && has_length_ && left_ == 0)) return response_ended();
  if (chunked_) {
    state_ = State::kChunkSize;
  } else if (has_length_) {
    state_ = State::kBody;
  } else {
    state_ = State::kUntilClose;
    close_ = true;
  }
  return Found::kNothing;
}

bool HttpResponseReader::chunk_size(std::string_view line) {
  if (!parse_count(trimmed(line.substr(0, line.find(';'))), 16, left_)) return false;
  state_ = left_ == 0 ? State::kTrailers : State::kChunk;
  return true;
}

HttpResponseReader::Found HttpResponseReader::response_ended() noexcept {
  state_ = State::kStatusLine;
  return Found::kResponse;
}

bool HttpResponseReader::ended() noexcept {
  return std::exchange(state_, State::kStatusLine) == State::kUntilClose;
}

}  // namespace ouro::load
