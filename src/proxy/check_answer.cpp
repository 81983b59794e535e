#include "proxy/check_answer.h"

#include <algorithm>

#include "base/letters.h"

namespace ouro::proxy {
namespace {

constexpr unsigned kStatusLeast = 100;
constexpr unsigned kStatusMost = 599;

// What may stand in a reason: no control characters but the tab.
bool is_printable(unsigned char letter) {
  return letter == '\t' || (letter >= ' ' && letter != 0x7f);
}

}  // namespace

Verdict ExpectedText::read(std::string_view piece) {
  seen_ += piece;
  looked_at_ += piece.size();
  if (seen_.find(wanted_) != seen_.npos) return Verdict::kGood;
  if (looked_at_ > kLookedAtMost) return Verdict::kBad;
  if (seen_.size() >= wanted_.size()) seen_.erase(0, seen_.size() - wanted_.size() + 1);
  return Verdict::kNeedMore;
}

Verdict StatusLine::read(std::string_view piece) {
  line_ += piece.substr(0, kLineMost + 1 - line_.size());
  const std::size_t end = line_.find("\r\n");
  if (end != line_.npos) {
    return parse(std::string_view(line_).substr(0, end)) ? Verdict::kGood : Verdict::kBad;
  }
  const std::string_view begin = std::string_view("HTTP/1.").substr(0, line_.size());
  const bool hopeless = line_.size() > kLineMost || !line_.starts_with(begin);
  return hopeless ? Verdict::kBad : Verdict::kNeedMore;
}

// "HTTP/1.1 200 OK". Some servers leave out the reason, and the space before it as well.
bool StatusLine::parse(std::string_view line) {
  const bool is_http = line.starts_with("HTTP/1.0 ") || line.starts_with("HTTP/1.1 ");
  if (!is_http || line.size() < 12) return false;
  const std::string_view digits = line.substr(9, 3);
  if (!std::ranges::all_of(digits, is_digit)) return false;
  const std::string_view rest = line.substr(12);
  if (!rest.empty() && (rest[0] != ' ' || !std::ranges::all_of(rest, is_printable))) return false;
  status_ = 0;
  for (const char digit : digits) status_ = status_ * 10 + static_cast<unsigned>(digit - '0');
  return status_ >= kStatusLeast && status_ <= kStatusMost;
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, text.find_last_not_of("\r\n") + 1));
  std::ranges::replace_if(result, [](char letter) { return letter < ' ' || letter > '~'; }, '.');
  return result;
}

bool is_good_status(unsigned status, const std::vector<unsigned>& good) {
  if (good.empty()) return status >= 200 && status <= 399;
  return std::ranges::find(good, status) != good.end();
}

}  // namespace ouro::proxy
