// Asks the DNS, and the system's file of hosts before it, without waiting (c-ares).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ouro/address.h"
#include "ouro/worker.h"

namespace ouro::proxy {

// What was found, and for how long that holds; or, if it is nothing, why.
template <typename T>
struct Answer {
  std::vector<T> found;
  std::chrono::seconds keep{};
  std::string trouble;
};

// An SRV record.
struct ServiceRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;
};

using Addresses = Answer<Address>;  // with port 0
using Services = Answer<ServiceRecord>;

// By name, in small letters.
using Hosts = std::map<std::string, std::vector<Address>, std::less<>>;
[[nodiscard]] Hosts parse_hosts(std::string_view text);

// The answer section of a whole DNS message. Nothing found: there is none, or it is no good.
[[nodiscard]] Services parse_services(std::span<const unsigned char> message);

// Made before the process gives up its files: it reads the system's. Answers come from a turn of
// the worker, or at once.
class Resolver {
 public:
  // `servers`: whom to ask; none: whom the system asks.
  Resolver(Worker& worker, const std::vector<Address>& servers);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void find_addresses(const std::string& name, std::function<void(const Addresses&)> found);
  void find_services(const std::string& name, std::function<void(Services)> found);

 private:
  class Channel;  // c-ares' own
  Hosts hosts_;
  std::unique_ptr<Channel> channel_;
};

}  // namespace ouro::proxy
