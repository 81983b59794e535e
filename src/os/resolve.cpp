#include "os/resolve.h"

#include <netdb.h>

#include <cerrno>
#include <memory>

namespace ouro::os {

Result<Address> resolve(const std::string& host, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, [](addrinfo* list) {
    if (list != nullptr) ::freeaddrinfo(list);
  });
  if (error == EAI_SYSTEM) return fail_errno("cannot resolve '" + host + "'", errno);
  if (error != 0) {
    return fail(Errc::kNotFound, "cannot resolve '" + host + "': " + ::gai_strerror(error));
  }
  return Address::from_raw(found->ai_addr, found->ai_addrlen).with_port(port);
}

}  // namespace ouro::os
