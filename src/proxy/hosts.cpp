// The file of hosts: an address, then its names, in each line.
#include <algorithm>

#include "proxy/config/server_address.h"
#include "proxy/resolver.h"

namespace ouro::proxy {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

void parse_line(std::string_view line, Hosts& hosts) {
  line = line.substr(0, line.find('#'));
  const std::string ip(next_word(line));
  const bool is_ipv6 = ip.find(':') != ip.npos;
  const auto address = Address::parse(is_ipv6 ? "[" + ip + "]:0" : ip + ":0");
  if (!address || address->is_unix()) return;
  for (std::string_view name = next_word(line); !name.empty(); name = next_word(line)) {
    hosts[in_small_letters(name)].push_back(*address);
  }
}

}  // namespace

Hosts parse_hosts(std::string_view text) {
  Hosts hosts;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    parse_line(line, hosts);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return hosts;
}

}  // namespace ouro::proxy
