#include "proxy/config/server_address.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/letters.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kDomainNameMost = 253;
constexpr std::size_t kLabelMost = 63;

std::vector<std::string_view> labels_of(std::string_view name) {
  std::vector<std::string_view> labels;
  while (true) {
    const std::size_t dot = name.find('.');
    labels.push_back(name.substr(0, dot));
    if (dot == name.npos) return labels;
    name.remove_prefix(dot + 1);
  }
}

bool is_label(std::string_view label) {
  const auto is_letter = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           is_digit(letter) || letter == '-' || letter == '_';
  };
  return !label.empty() && label.size() <= kLabelMost && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, is_letter);
}

bool is_number(std::string_view label) {
  return !label.empty() && std::ranges::all_of(label, is_digit);
}

std::unexpected<Failure> refuse(std::string_view text, std::string_view why) {
  return fail(Errc::kInvalid, "'" + std::string(text) + "' " + std::string(why));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end || port == 0) return std::nullopt;
  return port;
}

Result<ServerAddress> parse_service(std::string_view text) {
  const std::string_view name = text.substr(4);
  const auto labels = labels_of(name);
  const bool named = labels.size() >= 3 && labels[0].starts_with('_') && labels[1].starts_with('_');
  if (!named || !is_host_name(name)) {
    return refuse(text, "is not a service; try srv:_service._tcp.example.com, without a port");
  }
  return ServerAddress{ServerAddress::Kind::kService, {}, in_small_letters(name), 0};
}

}  // namespace

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& letter : small) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return small;
}

bool is_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);  // the DNS's own sign that nothing follows
  const auto labels = labels_of(name);
  return name.size() <= kDomainNameMost && std::ranges::all_of(labels, is_label) &&
         !is_number(labels.back());
}

Result<ServerAddress> ServerAddress::parse(std::string_view text) {
  if (std::ranges::any_of(text, is_control)) return refuse(text, "holds a control character");
  if (text.starts_with("srv:")) return parse_service(text);
  const bool is_unix = text.starts_with("unix:");
  const std::size_t colon = text.rfind(':');
  const auto port = colon == text.npos ? std::nullopt : parse_port(text.substr(colon + 1));
  if (!is_unix && !port) return refuse(text, "has no port from 1 to 65535 at its end");
  const std::string_view host = text.substr(0, colon);
  if (!is_unix && !host.starts_with('[') && host.find(':') != host.npos) {
    return refuse(text, "is not an address; IPv6 is written [::1]:80");
  }
  // What ends in a number is no name, so it was meant to be an address.
  if (is_unix || is_number(labels_of(host).back()) || host.starts_with('[')) {
    const auto address = Address::parse(text);
    if (!address) return std::unexpected(address.error());
    return ServerAddress{Kind::kAddress, *address, {}, 0};
  }
  if (!is_host_name(host)) {
    return refuse(text,
                  "is not an address; try 10.0.0.1:80, [::1]:80, name:80, unix:/path or "
                  "srv:_service._tcp.name");
  }
  return ServerAddress{Kind::kName, {}, in_small_letters(host), *port};
}

std::string ServerAddress::to_string() const {
  switch (kind) {
    case Kind::kAddress:
      return address.to_string();
    case Kind::kName:
      return host + ":" + std::to_string(port);
    case Kind::kService:
      return "srv:" + host;
  }
  return "";
}

}  // namespace ouro::proxy
