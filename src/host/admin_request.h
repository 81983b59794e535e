// The attendant's side of HTTP/1.1, as strict and as small as a scraper needs: one GET or HEAD per
// connection, no body. Pure.
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
  std::string path;  // without the query
};

// What `received`, all that came so far, asks for; nothing while the request is not complete.
[[nodiscard]] std::optional<AdminRequest> parse_admin_request(std::string_view received);

// A whole response; the connection is closed after it.
[[nodiscard]] std::string admin_response(int status, std::string_view content_type,
                                         std::string_view body, bool head);
// A response whose body says no more than its status.
[[nodiscard]] std::string admin_refusal(int status, bool head);

}  // namespace ouro::host
