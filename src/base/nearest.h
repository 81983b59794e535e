// "Did you mean": the word among several that is most like a misspelt one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ouro {

// Empty when none is like it.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace ouro
