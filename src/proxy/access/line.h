// A line of the access log, as docs/access-log.md describes it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/access/record.h"
#include "proxy/config/config.h"

namespace ouro::proxy {

// Appends a line and its end; `unix_ms` is when the connection ended.
void append_line(std::string& to, const AccessRecord& record, AccessFormat format,
                 std::uint64_t unix_ms);

// As JSON, whatever the bytes are: what is no UTF-8 becomes U+FFFD.
void append_json_text(std::string& to, std::string_view text);
// As a value of key=value: quoted where a reader would not know where it ends, and then with \",
// \\ and \x1f for what cannot stand there.
void append_plain_text(std::string& to, std::string_view text);

}  // namespace ouro::proxy
