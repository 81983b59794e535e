#include "host/listeners.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "os/fd_passing.h"
#include "os/process.h"
#include "os/socket.h"

namespace ouro::host {

Result<Listeners::Change> Listeners::change_to(const std::vector<ListenPlace>& places,
                                               unsigned workers) {
  Change change;
  std::set<ListenerId> left;
  for (const auto& [number, bound] : bound_) left.insert(number);
  for (const ListenPlace& place : places) {
    const auto same = std::ranges::find_if(
        left, [&](ListenerId number) { return bound_.at(number).wanted == place.address; });
    if (same != left.end()) {
      change.all.push_back(*same);
      for (const os::Fd& socket : bound_.at(*same).sockets) {
        os::set_backlog(socket.get(), place.options.backlog);
      }
      left.erase(same);
      continue;
    }
    auto bound = bind(place, workers);
    if (!bound) {
      remove(change.added);
      return std::unexpected(bound.error());
    }
    const auto number = free_number();
    if (!number) {
      remove(change.added);
      return fail(
          Errc::kInvalid,
          fmt::format("no more than {} addresses can be listened on, the new ones and those "
                      "they replace together: change them in two steps",
                      kListenersMax));
    }
    bound_[*number] = std::move(*bound);
    change.all.push_back(*number);
    change.added.push_back(*number);
  }
  inherited_.clear();
  change.removed.assign(left.begin(), left.end());
  return change;
}

std::vector<std::pair<Address, std::vector<int>>> Listeners::all() const {
  std::vector<std::pair<Address, std::vector<int>>> all;
  for (const auto& [number, bound] : bound_) {
    std::vector<int>& sockets = all.emplace_back(bound.wanted, std::vector<int>{}).second;
    for (const os::Fd& socket : bound.sockets) sockets.push_back(socket.get());
  }
  return all;
}

void Listeners::inherit(const Address& wanted, std::vector<os::Fd> sockets) {
  inherited_.emplace_back(wanted, std::move(sockets));
}

std::vector<os::Fd> Listeners::take_inherited(const Address& wanted) {
  const auto found =
      std::ranges::find(inherited_, wanted, &decltype(inherited_)::value_type::first);
  if (found == inherited_.end()) return {};
  std::vector<os::Fd> sockets = std::move(found->second);
  inherited_.erase(found);
  return sockets;
}

std::optional<ListenerId> Listeners::free_number() {
  if (bound_.size() == kListenersMax) return std::nullopt;
  while (bound_.contains(next_ % kListenersMax)) ++next_;
  return next_++ % kListenersMax;
}

Result<Listeners::Bound> Listeners::bind(const ListenPlace& place, unsigned workers) {
  Bound bound;
  bound.shared = place.address.is_unix();
  bound.wanted = bound.address = place.address;
  ListenOptions options = place.options;
  const unsigned count = bound.shared ? 1 : workers;
  bound.workers = count;
  bound.sockets = take_inherited(place.address);
  if (!bound.sockets.empty()) {
    bound.address = os::local_address(bound.sockets.front().get());
    // With more workers than there were, some share a socket.
    for (std::size_t i = 0; bound.sockets.size() < count; ++i) {
      bound.sockets.push_back(os::duplicate(bound.sockets[i].get()));
    }
    return bound;
  }
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

void Listeners::remove(const std::vector<ListenerId>& listeners) {
  for (const ListenerId number : listeners) {
    const std::string path = bound_.at(number).address.path();
    if (!path.empty()) os::remove_file(path);
    bound_.erase(number);
  }
}

void Listeners::Bound::append_to(std::vector<OwnSocket>& own, ListenerId number,
                                 unsigned worker) const {
  for (std::size_t i = worker % workers; i < sockets.size(); i += workers) {
    own.push_back({number, sockets[i].get()});
  }
}

std::vector<Listeners::Socket> Listeners::take(unsigned worker) {
  std::vector<Socket> taken;
  taken.reserve(bound_.size());
  for (auto& [number, bound] : bound_) {
    for (std::size_t i = worker % bound.workers; i < bound.sockets.size(); i += bound.workers) {
      taken.push_back({number, std::move(bound.sockets[i])});
    }
  }
  bound_.clear();
  return taken;
}

std::vector<Listeners::OwnSocket> Listeners::sockets_of(unsigned worker,
                                                        const std::vector<ListenerId>& some) const {
  std::vector<OwnSocket> sockets;
  sockets.reserve(some.size());
  for (const ListenerId number : some) bound_.at(number).append_to(sockets, number, worker);
  return sockets;
}

std::vector<Listeners::OwnSocket> Listeners::own_sockets(unsigned worker) const {
  std::vector<OwnSocket> own;
  for (const auto& [number, bound] : bound_) {
    if (!bound.shared) bound.append_to(own, number, worker);
  }
  return own;
}

std::vector<Address> Listeners::addresses() const {
  std::vector<Address> addresses;
  addresses.reserve(bound_.size());
  for (const auto& [number, bound] : bound_) addresses.push_back(bound.address);
  return addresses;
}

void Listeners::remove_files() const {
  for (const auto& [number, bound] : bound_) {
    if (!bound.address.path().empty()) os::remove_file(bound.address.path());
  }
}

}  // namespace ouro::host
