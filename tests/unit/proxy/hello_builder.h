// ClientHellos as no library would send them: put together from parts, cut into records of any
// size.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "unit/proxy/addresses.h"

namespace ouro::proxy {

inline std::string with_length(std::string_view text, int length_bytes) {
  return big_endian(text.size(), length_bytes) + std::string(text);
}

inline std::string extension(std::size_t type, std::string_view value) {
  return big_endian(type, 2) + with_length(value, 2);
}

inline std::string host_entry(std::string_view host) { return '\0' + with_length(host, 2); }

// The extension that names those hosts; the entries follow one another.
inline std::string server_name(std::string_view entries) {
  return extension(0, with_length(entries, 2));
}

// The parts of a hello; what is set to something strange is sent as it is.
struct HelloParts {
  std::string version = "\x03\x03";
  std::string session_id = std::string(32, 's');
  std::string cipher_suites = "\x13\x01\x13\x02";
  std::string compressions = std::string(1, '\0');
  std::string extensions;
  std::string behind;

  [[nodiscard]] std::string message() const {
    const std::string body = version + std::string(32, 'r') + with_length(session_id, 1) +
                             with_length(cipher_suites, 2) + with_length(compressions, 1) +
                             with_length(extensions, 2) + behind;
    return '\1' + with_length(body, 3);
  }
};

inline std::string record(std::string_view content, int type = 22) {
  return static_cast<char>(type) + std::string("\x03\x01") + with_length(content, 2);
}

inline std::string in_records(std::string_view message, std::size_t size) {
  std::string records;
  for (; !message.empty(); message.remove_prefix(std::min(size, message.size()))) {
    records += record(message.substr(0, size));
  }
  return records;
}

inline std::string hello_with(std::string_view extensions) {
  HelloParts parts;
  parts.extensions = extensions;
  return in_records(parts.message(), 16384);
}

inline std::string hello_to(std::string_view host) {
  return hello_with(server_name(host_entry(host)));
}

}  // namespace ouro::proxy
