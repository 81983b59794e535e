// The same program again, started by the process that it is to take over from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/process.h"
#include "ouro/error.h"

namespace ouro::os {

// Starts what now is at the path of this program, with the same arguments, in the same folder. It
// gets these descriptors, and a text that says what they are.
[[nodiscard]] Result<ProcessId> start_successor(const std::string& text,
                                                const std::vector<int>& fds);

struct Inheritance {
  std::string text;
  std::vector<Fd> fds;
};
// What this process was given so; nothing if it is nobody's successor. Once: what it starts itself
// is not told.
[[nodiscard]] std::optional<Inheritance> take_inheritance();

}  // namespace ouro::os
