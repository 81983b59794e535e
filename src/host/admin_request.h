// The attendant's side of HTTP/1.1, as strict and as small as a scraper and `ouro ctl` need: one
// GET, HEAD or POST per connection, no body. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ouro::host {

inline constexpr std::size_t kRequestBytesMax = 8192;

struct AdminRequest {
  int status = 200;  // anything else: refused, and with what
  bool head = false;
  bool post = false;  // else it only asks
  std::string path;   // without the query
  std::string query;  // what stands behind the '?', as it came
};

// What `received`, all that came so far, asks for; nothing while the request is not complete.
[[nodiscard]] std::optional<AdminRequest> parse_admin_request(std::string_view received);

// The value of parameter `name`, with what is written as %41 decoded; nothing if the query is
// anything else than that one parameter.
[[nodiscard]] std::optional<std::string> only_parameter(std::string_view query,
                                                        std::string_view name);

inline constexpr std::string_view kJsonType = "application/json";

struct AdminAnswer {
  int status = 200;
  std::string body{};
  std::string_view type = kJsonType;
  std::string_view allow{};  // with 405: the methods that the page has
};

// An answer whose body says no more than its status.
[[nodiscard]] AdminAnswer plain_answer(int status, std::string_view allow = {});
// A whole response; the connection is closed after it. `head`: without its body.
[[nodiscard]] std::string admin_response(const AdminAnswer& answer, bool head);

}  // namespace ouro::host
