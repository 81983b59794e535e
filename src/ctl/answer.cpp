#include "ctl/answer.h"

#include <algorithm>
#include <charconv>

namespace ouro::ctl {
namespace {

constexpr std::string_view kVersion = "HTTP/1.1 ";
constexpr std::string_view kLength = "content-length:";

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool begins_with(std::string_view line, std::string_view lower) {
  return line.size() >= lower.size() &&
         std::ranges::equal(line.substr(0, lower.size()), lower, [](char one, char other) {
           return (one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one) == other;
         });
}

// "HTTP/1.1 200 OK"; 0 if it is not like that.
int status_of(std::string_view line) {
  if (!line.starts_with(kVersion) || line.size() < kVersion.size() + 3) return 0;
  const std::string_view digits = line.substr(kVersion.size(), 3);
  const std::string_view rest = line.substr(kVersion.size() + 3);
  if (!std::ranges::all_of(digits, is_digit) || digits.front() == '0') return 0;
  if (!rest.empty() && rest.front() != ' ') return 0;
  return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

std::optional<std::size_t> number_of(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  std::size_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && stop == text.data() + text.size();
  return whole && number <= kBodyBytesMax ? std::optional(number) : std::nullopt;
}

std::unexpected<Failure> garbage() {
  return fail(Errc::kInvalid, "what answers there is no admin address of ouro");
}

}  // namespace

Result<std::optional<Answer>> parse_answer(std::string_view received) {
  const std::string_view begin = received.substr(0, kVersion.size());
  if (!kVersion.starts_with(begin)) return garbage();
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (received.size() > kHeadBytesMax) return garbage();
    return std::nullopt;
  }
  std::string_view head = received.substr(0, end + 2);
  Answer answer;
  answer.status = status_of(head.substr(0, head.find("\r\n")));
  std::optional<std::size_t> length;
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    if (!begins_with(line, kLength)) continue;
    if (length) return garbage();
    length = number_of(line.substr(kLength.size()));
    if (!length) return garbage();
  }
  if (answer.status < 200 || !length) return garbage();
  const std::string_view body = received.substr(end + 4);
  if (body.size() < *length) return std::nullopt;
  answer.body = body.substr(0, *length);
  return answer;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~";
  std::string encoded;
  for (const char letter : text) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       is_digit(letter) || kPlain.find(letter) != std::string_view::npos;
    if (plain) {
      encoded += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

}  // namespace ouro::ctl
