// A command in one line, taken apart as a shell would: 'quotes', "quotes" and \ keep spaces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ouro/error.h"

namespace ouro::study {

// At least one word.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

// The words in one line again, for people.
[[nodiscard]] std::string join_words(const std::vector<std::string>& words);

// Every {name} in `text` that is `name` becomes `value`.
[[nodiscard]] std::string filled_in(std::string text, std::string_view name,
                                    std::string_view value);

// For file names: small letters and digits stay, anything else becomes a dash.
[[nodiscard]] std::string file_word(std::string_view name);

}  // namespace ouro::study
