// What the environment of this process says.
#pragma once

#include <optional>
#include <string>

namespace ouro::os {

[[nodiscard]] std::optional<std::string> environment_variable(const std::string& name);

}  // namespace ouro::os
