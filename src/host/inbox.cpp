#include "host/inbox.h"

#include <array>
#include <span>

#include "base/check.h"

namespace ouro::host {
namespace {

struct Parcel {
  std::uint32_t target = 0;
  std::uint32_t generation = 0;
  std::uint32_t count = 0;
  std::array<ListenerId, kHandOverBatch> listeners{};
};

}  // namespace

Result<Inboxes> Inboxes::create(unsigned workers) {
  Inboxes inboxes;
  for (unsigned i = 0; i < workers; ++i) {
    auto pair = os::make_socket_pair();
    if (!pair) return std::unexpected(pair.error());
    inboxes.pairs_.push_back(std::move(*pair));
  }
  return inboxes;
}

bool Inboxes::send(unsigned target, std::uint32_t generation,
                   const std::vector<Arrival>& arrivals) const noexcept {
  OURO_CHECK(arrivals.size() <= kHandOverBatch);
  Parcel parcel{target, generation, static_cast<std::uint32_t>(arrivals.size()), {}};
  std::array<int, kHandOverBatch> fds{};
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    fds[i] = arrivals[i].connection.get();
    parcel.listeners[i] = arrivals[i].listener;
  }
  return os::send_message(pairs_[target].second.get(), std::as_bytes(std::span(&parcel, 1)),
                          std::span(fds.data(), arrivals.size()));
}

bool Inboxes::wake(unsigned target) const noexcept { return send(target, 0, {}); }

void Inboxes::keep_only(unsigned worker) noexcept {
  for (unsigned i = 0; i < pairs_.size(); ++i) {
    if (i != worker) pairs_[i].first.reset();
  }
}

std::optional<Delivery> receive_delivery(int receiving_end) {
  Parcel parcel;
  Delivery delivery;
  std::vector<os::Fd> connections;
  const os::Reception reception = os::receive_message(
      receiving_end, std::as_writable_bytes(std::span(&parcel, 1)), connections);
  if (reception.what != os::Received::kMessage || reception.size != sizeof parcel) {
    return std::nullopt;
  }
  delivery.target = parcel.target;
  delivery.generation = parcel.generation;
  delivery.count = parcel.count;
  // If some were lost, it is the last ones.
  for (std::size_t i = 0; i < connections.size(); ++i) {
    delivery.arrivals.push_back({std::move(connections[i]), parcel.listeners[i]});
  }
  return delivery;
}

}  // namespace ouro::host
