#include "os/machine.h"

#include <sys/utsname.h>

#include <fstream>
#include <sstream>

#include "os/cpu.h"

namespace ouro::os {
namespace {

// Lines of /proc/cpuinfo are "model name\t: Some CPU"; not every architecture has that one.
std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace

Machine this_machine() {
  Machine machine;
  machine.cpu = cpu_model();
  machine.cpus = static_cast<unsigned>(allowed_cpus().size());
  utsname names{};
  if (::uname(&names) == 0) {
    machine.kernel = names.release;
    if (machine.cpu.empty()) machine.cpu = names.machine;
  }
  return machine;
}

// /proc/net/snmp has a line of names and a line of numbers for each protocol.
std::uint64_t segments_sent_again() {
  std::ifstream file("/proc/net/snmp");
  std::string names;
  std::string numbers;
  while (std::getline(file, names) && std::getline(file, numbers)) {
    if (!names.starts_with("Tcp:")) continue;
    std::istringstream name_words(names);
    std::istringstream number_words(numbers);
    for (std::string name, number; name_words >> name && number_words >> number;) {
      if (name == "RetransSegs") return std::stoull(number);
    }
  }
  return 0;
}

}  // namespace ouro::os
