#include "host/admin_request.h"

#include <fmt/format.h>

#include <algorithm>

namespace ouro::host {
namespace {

constexpr std::string_view kTokenSymbols = "!#$%&'*+-.^_`|~";

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "HTTP Version Not Supported";
  }
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kTokenSymbols.find(c) != std::string_view::npos;
  });
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
  });
}

bool equal_ignoring_case(std::string_view one, std::string_view lower) {
  return std::ranges::equal(one, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Takes the next line off the front; lines end with CRLF and nothing else.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

AdminRequest refuse(AdminRequest request, int status) {
  request.status = status;
  return request;
}

AdminRequest parse_request_line(std::string_view line) {
  AdminRequest request;
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) {
    return refuse(request, 400);
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  const bool is_http = version.size() == 8 && version.starts_with("HTTP/");
  if (!is_token(method) || !is_http || !target.starts_with('/') || !is_printable(target)) {
    return refuse(request, 400);
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(request, 505);
  request.head = method == "HEAD";
  request.post = method == "POST";
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  return method == "GET" || request.head || request.post ? request : refuse(request, 405);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// Who sends a body, or several hosts, or none in HTTP/1.1, is not a scraper. That there is no body
// may be said, once.
bool good_fields(std::string_view fields, bool host_needed) {
  int hosts = 0;
  int lengths = 0;
  while (!fields.empty()) {
    const auto line = take_line(fields);
    if (!line) return false;
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos || !is_token(line->substr(0, colon))) return false;
    const std::string_view name = line->substr(0, colon);
    const std::string_view value = line->substr(colon + 1);
    if (!is_field_value(value)) return false;
    if (equal_ignoring_case(name, "host")) ++hosts;
    if (equal_ignoring_case(name, "transfer-encoding")) return false;
    if (!equal_ignoring_case(name, "content-length")) continue;
    if (trimmed(value) != "0" || ++lengths > 1) return false;
  }
  return host_needed ? hosts == 1 : hosts <= 1;
}

int digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  return letter >= 'A' && letter <= 'F' ? letter - 'A' + 10 : -1;
}

// Nothing if a '%' is not followed by two digits.
std::optional<std::string> decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? digit_of(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

}  // namespace

std::optional<AdminRequest> parse_admin_request(std::string_view received) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (received.size() >= kRequestBytesMax) return refuse({}, 431);
    return std::nullopt;
  }
  if (end + 4 > kRequestBytesMax) return refuse({}, 431);
  std::string_view text = received.substr(0, end + 2);
  const std::string_view line = take_line(text).value_or("");
  AdminRequest request = parse_request_line(line);
  if (request.status != 200 && request.status != 405) return request;
  return good_fields(text, line.ends_with("1.1")) ? request : refuse(request, 400);
}

std::optional<std::string> only_parameter(std::string_view query, std::string_view name) {
  if (!query.starts_with(name) || query.find('&') != std::string_view::npos) return std::nullopt;
  query.remove_prefix(name.size());
  if (!query.starts_with('=') || query.size() == 1) return std::nullopt;
  return decoded(query.substr(1));
}

AdminAnswer plain_answer(int status, std::string_view allow) {
  return {status, fmt::format("{}\n", reason_phrase(status)), "text/plain; charset=utf-8", allow};
}

std::string admin_response(const AdminAnswer& answer, bool head) {
  const std::string allow = answer.allow.empty() ? "" : fmt::format("Allow: {}\r\n", answer.allow);
  return fmt::format(
      "HTTP/1.1 {} {}\r\n"
      "Content-Type: {}\r\n"
      "Content-Length: {}\r\n"
      "Cache-Control: no-store\r\n"
      "{}Connection: close\r\n"
      "\r\n"
      "{}",
      answer.status, reason_phrase(answer.status), answer.type, answer.body.size(), allow,
      head ? "" : answer.body);
}

}  // namespace ouro::host
