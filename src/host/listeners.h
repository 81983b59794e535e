// The listening sockets of a server. The master binds them all before it forks and keeps them as
// long as it serves: while a worker is down, connections wait in a queue that stays.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/application.h"
#include "os/fd.h"
#include "ouro/error.h"

namespace ouro::host {

// TCP: a socket per worker and address (SO_REUSEPORT); more if a predecessor with more workers left
// them, for none may be closed while somebody waits in it. Unix: one per address, shared. Numbers
// are given in turn, so that a new listener has that of one long gone.
class Listeners {
 public:
  // What a reload makes of them.
  struct Change {
    std::vector<ListenerId> all;  // in the order of the places
    std::vector<ListenerId> added;
    std::vector<ListenerId> removed;
  };

  // All or nothing. Those that stay keep their sockets; those that are not wanted any more are
  // still open, until remove().
  [[nodiscard]] Result<Change> change_to(const std::vector<ListenPlace>& places, unsigned workers);
  void remove(const std::vector<ListenerId>& listeners);

  // All sockets of each address that was wanted, lent; for a successor.
  [[nodiscard]] std::vector<std::pair<Address, std::vector<int>>> all() const;
  // As a successor, before the first change: the sockets of an address it may want.
  void inherit(const Address& wanted, std::vector<os::Fd> sockets);

  struct Socket {
    ListenerId listener = 0;
    os::Fd fd;
  };
  struct OwnSocket {
    ListenerId listener = 0;
    int fd = -1;  // lent
  };
  // In a worker: its own sockets; those of the others are closed.
  [[nodiscard]] std::vector<Socket> take(unsigned worker);
  // What one worker accepts from; of these, `some`.
  [[nodiscard]] std::vector<OwnSocket> sockets_of(unsigned worker,
                                                  const std::vector<ListenerId>& some) const;
  // What another worker can accept from while this one does not.
  [[nodiscard]] std::vector<OwnSocket> own_sockets(unsigned worker) const;
  // As they really are: with the ports the kernel chose.
  [[nodiscard]] std::vector<Address> addresses() const;
  void close() { bound_.clear(); }
  // The files of Unix sockets; in the master alone, when nobody is to come any more.
  void remove_files() const;

 private:
  struct Bound {
    Address wanted;  // port 0 is every time another
    Address address;
    std::vector<os::Fd> sockets;  // one if it is shared; else by worker, and round again
    unsigned workers = 0;
    bool shared = false;

    void append_to(std::vector<OwnSocket>& own, ListenerId number, unsigned worker) const;
  };

  [[nodiscard]] Result<Bound> bind(const ListenPlace& place, unsigned workers);
  [[nodiscard]] std::vector<os::Fd> take_inherited(const Address& wanted);
  [[nodiscard]] std::optional<ListenerId> free_number();

  std::map<ListenerId, Bound> bound_;
  std::vector<std::pair<Address, std::vector<os::Fd>>> inherited_;
  ListenerId next_ = 0;
};

}  // namespace ouro::host
