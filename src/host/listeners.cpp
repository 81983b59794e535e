#include "host/listeners.h"

#include "os/process.h"
#include "os/socket.h"

namespace ouro::host {

Result<Listeners> Listeners::open(const std::vector<Address>& addresses,
                                  const ListenOptions& options, unsigned workers) {
  Listeners listeners;
  for (const Address& address : addresses) {
    auto bound = bind(address, options, workers);
    if (!bound) {
      listeners.remove_files();
      return std::unexpected(bound.error());
    }
    listeners.bound_.push_back(std::move(*bound));
  }
  return listeners;
}

Result<Listeners::Bound> Listeners::bind(const Address& address, ListenOptions options,
                                         unsigned workers) {
  Bound bound;
  bound.shared = address.is_unix();
  bound.address = address;
  const unsigned count = bound.shared ? 1 : workers;
  options.reuse_port = count > 1;
  options.probe = true;
  while (bound.sockets.size() < count) {
    auto socket = os::listen_socket(bound.address, options);
    if (!socket) return std::unexpected(socket.error());
    // The first one settles the port, and that nobody else has it.
    if (!bound.shared) bound.address = os::local_address(socket->get());
    options.probe = false;
    bound.sockets.push_back(std::move(*socket));
  }
  return bound;
}

std::vector<os::Fd> Listeners::take(unsigned worker) {
  std::vector<os::Fd> taken;
  taken.reserve(bound_.size());
  for (Bound& bound : bound_) taken.push_back(std::move(bound.sockets[bound.shared ? 0 : worker]));
  bound_.clear();
  return taken;
}

std::vector<int> Listeners::own_sockets(unsigned worker) const {
  std::vector<int> sockets;
  for (const Bound& bound : bound_) {
    if (!bound.shared) sockets.push_back(bound.sockets[worker].get());
  }
  return sockets;
}

std::vector<Address> Listeners::addresses() const {
  std::vector<Address> addresses;
  addresses.reserve(bound_.size());
  for (const Bound& bound : bound_) addresses.push_back(bound.address);
  return addresses;
}

void Listeners::remove_files() const {
  for (const Bound& bound : bound_) {
    if (!bound.address.path().empty()) os::remove_file(bound.address.path());
  }
}

}  // namespace ouro::host
