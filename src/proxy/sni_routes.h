// Which index belongs to a host name: what TLS connections are sent by. Made with the config, then
// only asked. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ouro::proxy {

// "example.com" is that name. "*.example.com" is every name that ends so, with one label or several
// before, and not example.com. As in nginx, the name itself comes before any "*.", then the longest
// "*." that fits, then the default. Names are in small letters and without a dot at the end.
//
// Finding one takes a look at each label and allocates nothing, however many there are. The tables
// hold what the config says and nothing a client chose, so no client can make them slow.
class SniRoutes {
 public:
  // False: there is one for that pattern already, and it stays.
  bool add(std::string_view pattern, std::uint32_t index);
  void set_default(std::uint32_t index) noexcept { default_ = index; }

  // An empty host: the client named none.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view host) const noexcept;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's
  };
  using Table = std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>;

  Table exact_;
  Table below_;  // by what follows the "*."
  std::optional<std::uint32_t> default_;
};

}  // namespace ouro::proxy
