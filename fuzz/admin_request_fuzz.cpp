// What is asked of the admin address, as it comes in byte by byte.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "host/admin_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::size_t end = 0; end <= size; end = end < 64 ? end + 1 : end * 2) {
    (void)ouro::host::parse_admin_request(text.substr(0, end));
  }
  if (const auto request = ouro::host::parse_admin_request(text)) {
    const auto name = ouro::host::only_parameter(request->query, "name");
    if (name && name->size() > request->query.size()) __builtin_trap();
  }
  return 0;
}
