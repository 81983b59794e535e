#include "proxy/shared.h"

#include <memory>
#include <random>

namespace ouro::proxy {
namespace {

constexpr int kTriesMax = 4;

// One writer: no read-modify-write needed. Sequentially consistent: a claim must be visible before
// the others' are read.
void add(std::atomic<std::uint64_t>& count, std::int64_t amount) noexcept {
  count.store(count.load() + static_cast<std::uint64_t>(amount));
}

// Two that claim the last place at once both give way, and try again.
template <typename Total>
bool claim(std::atomic<std::uint64_t>& own, std::uint64_t limit, const Total& total) noexcept {
  for (int i = 0; i < kTriesMax; ++i) {
    add(own, 1);
    if (limit == 0 || total() <= limit) return true;
    add(own, -1);
    if (total() >= limit) return false;
  }
  return false;
}

template <typename T>
std::span<T> place(std::byte*& at, std::size_t count) {
  T* first = reinterpret_cast<T*>(at);
  std::uninitialized_default_construct_n(first, count);
  at += count * sizeof(T);
  return {first, count};
}

}  // namespace

Result<Shared> Shared::create(unsigned workers) {
  const std::size_t size = kServersMax * (sizeof(ServerState) + sizeof(PublishedPlace)) +
                           (std::size_t{workers} + 1) * kServersMax * sizeof(ServerAccount) +
                           sizeof(PlacesVersion) +
                           std::size_t{workers} * kListenersMax * sizeof(ListenerAccount) +
                           workers * sizeof(EndAccount) +
                           kClientSlots * (sizeof(ClientSlot) + workers * sizeof(ClientCount));
  auto memory = os::SharedMemory::create(size);
  if (!memory) return std::unexpected(memory.error());
  Shared shared;
  shared.memory_ = std::move(*memory);
  shared.workers_ = workers;
  std::byte* at = shared.memory_.data();
  shared.servers_ = place<ServerState>(at, kServersMax);
  shared.places_ = place<PublishedPlace>(at, kServersMax);
  shared.places_version_ = place<PlacesVersion>(at, 1).data();
  shared.accounts_ = place<ServerAccount>(at, (std::size_t{workers} + 1) * kServersMax);
  shared.listeners_ = place<ListenerAccount>(at, std::size_t{workers} * kListenersMax);
  shared.ends_ = place<EndAccount>(at, workers);
  shared.clients_.slots = place<ClientSlot>(at, kClientSlots);
  shared.clients_.counts = place<ClientCount>(at, workers * kClientSlots);
  std::random_device dice;
  shared.secret_ = std::uint64_t{dice()} << 32 | dice();
  return shared;
}

void Shared::begin_server(Slot slot) const noexcept {
  set_draining(slot, false, 0);
  forget_server(slot);
  publish_place(slot, {});
}

void Shared::set_draining(Slot slot, bool draining, std::uint64_t now_ns) const noexcept {
  ServerState& state = servers_[slot];
  state.draining_since_ns.store(draining ? now_ns : 0);
  if (!draining) state.up_since_ns.store(now_ns);
  state.draining.store(draining);
}

void Shared::forget_server(Slot slot) const noexcept {
  ServerState& state = servers_[slot];
  state.health.store(Health::kUp);
  state.up_since_ns.store(0);
  state.down_since_ns.store(0);
  state.failures.store(0);
  state.ejections.store(0);
  state.ejected_until_ns.store(0);
  for (Counter ServerAccount::* const count :
       {&ServerAccount::begun, &ServerAccount::failed, &ServerAccount::bytes_to_server,
        &ServerAccount::bytes_to_client}) {
    (account(workers_, slot).*count).add(total(slot, count));
  }
}

void Shared::publish_place(Slot slot, const NamedPlace& place) const noexcept {
  places_[slot].publish(place);
  places_version_->number.fetch_add(1);
}

std::uint64_t Shared::total(Slot server, Counter ServerAccount::* count) const noexcept {
  std::uint64_t total = 0;
  for (unsigned i = 0; i < workers_; ++i) total += (account(i, server).*count).get();
  return total - (account(workers_, server).*count).get();
}

std::uint64_t Shared::ended(Cause cause) const noexcept {
  std::uint64_t total = 0;
  for (unsigned i = 0; i < workers_; ++i) total += ended(i, cause).get();
  return total;
}

std::uint64_t Shared::connections_of_server(Slot slot) const noexcept {
  std::uint64_t total = 0;
  for (unsigned i = 0; i < workers_; ++i) total += account(i, slot).connections.load();
  return total;
}

std::uint64_t Shared::connections_of_listener(Slot slot) const noexcept {
  std::uint64_t total = 0;
  for (unsigned i = 0; i < workers_; ++i) total += listener(i, slot).connections.load();
  return total;
}

bool Shared::claim_server(unsigned worker, Slot slot, std::uint64_t limit) const noexcept {
  return claim(account(worker, slot).connections, limit,
               [this, slot] { return connections_of_server(slot); });
}

bool Shared::claim_listener(unsigned worker, Slot slot, std::uint64_t limit) const noexcept {
  return claim(listener(worker, slot).connections, limit,
               [this, slot] { return connections_of_listener(slot); });
}

void Shared::unclaim_server(unsigned worker, Slot slot) const noexcept {
  add(account(worker, slot).connections, -1);
}

void Shared::unclaim_listener(unsigned worker, Slot slot) const noexcept {
  add(listener(worker, slot).connections, -1);
}

void Shared::keep_server(unsigned worker, Slot slot) const noexcept {
  add(account(worker, slot).generations, 1);
}

void Shared::let_go_of_server(unsigned worker, Slot slot) const noexcept {
  add(account(worker, slot).generations, -1);
}

// Who lets go of a config because it has found its server has a place there already.
bool Shared::is_kept(Slot slot) const noexcept {
  for (unsigned i = 0; i < workers_; ++i) {
    if (account(i, slot).generations.load() != 0) return true;
  }
  return connections_of_server(slot) != 0;
}

void Shared::forget_worker(unsigned worker) const noexcept {
  for (Slot slot = 0; slot < kServersMax; ++slot) {
    account(worker, slot).connections.store(0);
    account(worker, slot).generations.store(0);
  }
  for (Slot slot = 0; slot < kListenersMax; ++slot) listener(worker, slot).connections.store(0);
  proxy::forget_worker(clients_, worker);
}

}  // namespace ouro::proxy
