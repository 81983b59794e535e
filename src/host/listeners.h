// The listening sockets of a server. The master binds them all before it forks and keeps them as
// long as it serves: while a worker is down, connections wait in a queue that stays.
#pragma once

#include <string>
#include <vector>

#include "os/fd.h"
#include "ouro/address.h"
#include "ouro/error.h"
#include "ouro/options.h"

namespace ouro::host {

// TCP: a socket per worker and address (SO_REUSEPORT). Unix: one per address, shared.
class Listeners {
 public:
  // All or nothing.
  [[nodiscard]] static Result<Listeners> open(const std::vector<Address>& addresses,
                                              const ListenOptions& options, unsigned workers);

  // In a worker: its own sockets; those of the others are closed.
  [[nodiscard]] std::vector<os::Fd> take(unsigned worker);
  // What another worker can accept from while this one does not.
  [[nodiscard]] std::vector<int> own_sockets(unsigned worker) const;
  // As they really are: with the ports the kernel chose.
  [[nodiscard]] std::vector<Address> addresses() const;
  void close() { bound_.clear(); }
  // The files of Unix sockets; in the master alone, when nobody is to come any more.
  void remove_files() const;

 private:
  struct Bound {
    Address address;
    std::vector<os::Fd> sockets;  // by worker; one if it is shared
    bool shared = false;
  };

  [[nodiscard]] static Result<Bound> bind(const Address& address, ListenOptions options,
                                          unsigned workers);

  std::vector<Bound> bound_;
};

}  // namespace ouro::host
