// Variables in the texts of a config: "${NAME}", and "${NAME:-what it is otherwise}".
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "proxy/config/config_errors.h"
#include "proxy/config/config_node.h"
#include "proxy/config/config_reader.h"

namespace ouro::proxy {

// The text with its variables replaced, or what is wrong with one. "$${" stands for "${". What was
// put in is not looked at again. As in a shell, the word after :- is for an empty variable too.
[[nodiscard]] std::expected<std::string, std::string> expand(std::string_view text,
                                                             const Environment& environment);

// All texts in the node, but not its keys. False if one could not be.
bool expand_all(Node& node, const Environment& environment, ConfigErrors& errors);

}  // namespace ouro::proxy
