// What an admin address says to a request, as strict as that side of it is known to be: one
// HTTP/1.1 response with a length. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ouro/error.h"

namespace ouro::ctl {

inline constexpr std::size_t kHeadBytesMax = 8192;
inline constexpr std::size_t kBodyBytesMax = std::size_t{16} << 20;

struct Answer {
  int status = 0;
  std::string body;
};

// From all that was received; nothing while there is more to come. Fails on what no server of ours
// would say.
[[nodiscard]] Result<std::optional<Answer>> parse_answer(std::string_view received);

// For a query: everything but letters, digits and -._~ becomes %41.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace ouro::ctl
