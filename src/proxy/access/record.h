// One connection, as a worker hands it to the access log when it has ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ouro/address.h"
#include "proxy/session_end.h"

namespace ouro::proxy {

// Texts belong to whoever made the record, or to the bytes it was unpacked from.
struct AccessRecord {
  SessionEnd end{};
  Address client{};
  Address server{};             // kNone: there was none
  std::string_view listener{};  // names; empty: there is none
  std::string_view upstream{};
  std::string_view host{};  // that the client asked for
};

// Into as many bytes of `into` as it takes; texts that do not fit are cut.
[[nodiscard]] std::span<const std::byte> pack(const AccessRecord& record,
                                              std::span<std::byte> into) noexcept;
// Nothing: those bytes are no record.
[[nodiscard]] std::optional<AccessRecord> unpack(std::span<const std::byte> bytes) noexcept;

}  // namespace ouro::proxy
