// Addresses as users write them: what is taken is written as it would be taken again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "ouro/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = ouro::Address::parse(text);
  if (!address) return 0;
  const auto again = ouro::Address::parse(address->to_string());
  OURO_CHECK(again && *again == *address);
  return 0;
}
