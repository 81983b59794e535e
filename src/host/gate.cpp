#include "host/gate.h"

#include "base/log.h"
#include "os/memory_reserve.h"

namespace ouro::host {
namespace {

// Deliveries taken at a time; connections that are being served must not wait for more.
constexpr int kDeliveriesMax = 16;
// Without memory for more connections, how long newcomers wait until it is looked for again.
constexpr std::chrono::milliseconds kShortOfMemory{100};
constexpr std::uint64_t kServedAlways = 32;

}  // namespace

Gate::Gate(const GateOptions& options, std::span<WorkerPage> pages, const Inboxes& inboxes,
           Worker& worker)
    : options_(options),
      pages_(pages),
      inboxes_(inboxes),
      worker_(worker),
      claims_(pages, options.self, options.max_connections),
      loads_(pages.size()),
      parcels_(pages.size()),
      parcels_due_(worker, [this] { send_parcels(); }),
      wake_due_(worker, [this] { wake(); }),
      keep_all_(pages.size() == 1) {}

void Gate::serve_with(ListenerId listener, Handler& handler) {
  handlers_[listener] = &handler;
  listeners_[&handler] = listener;  // if it has several, they are alike
}

Admission::Verdict Gate::admit(int fd, Handler& handler) {
  if (short_of_memory()) {
    if (!wake_due_.running()) wake_due_.start(kShortOfMemory);
    return Verdict::kWait;
  }
  if (!claims_.claim()) return Verdict::kWait;
  if (keep_all_ || fd < 0) return Verdict::kServe;
  const unsigned target = choose();
  if (target == options_.self) return Verdict::kServe;
  hand_over(target, {os::Fd(fd), listeners_.at(&handler)});
  return Verdict::kTaken;
}

void Gate::left() {
  claims_.unclaim();
  if (claims_.limited()) wake_someone();
}

// What those who were here had is enough for as many others.
bool Gate::short_of_memory() {
  if (!os::memory_is_short()) {
    memory_for_ = UINT64_MAX;
    return false;
  }
  const std::uint64_t served = pages_[options_.self].load();
  if (memory_for_ == UINT64_MAX) memory_for_ = std::max(served, kServedAlways);
  return served >= memory_for_;
}

unsigned Gate::choose() {
  for (std::size_t i = 0; i < loads_.size(); ++i) loads_[i] = {pages_[i].load(), pages_[i].able()};
  return choose_worker(loads_, options_.self, options_.worker_connections_max);
}

void Gate::hand_over(unsigned target, Arrival arrival) {
  const std::uint32_t generation = claims_.give(target);
  Parcel& parcel = parcels_[target];
  if (!parcel.arrivals.empty() && parcel.generation != generation) send_parcel(target);
  parcel.generation = generation;
  parcel.arrivals.push_back(std::move(arrival));
  if (parcel.arrivals.size() == kHandOverBatch) return send_parcel(target);
  if (!parcels_due_.running()) parcels_due_.start(std::chrono::nanoseconds{0});
}

void Gate::send_parcels() {
  for (unsigned target = 0; target < parcels_.size(); ++target) {
    if (!parcels_[target].arrivals.empty()) send_parcel(target);
  }
}

void Gate::send_parcel(unsigned target) {
  Parcel parcel;
  std::swap(parcel, parcels_[target]);
  const auto count = static_cast<std::uint32_t>(parcel.arrivals.size());
  if (inboxes_.send(target, parcel.generation, parcel.arrivals)) {
    pages_[options_.self].counters.connections_handed_over.add(count);
    return;
  }
  // Its inbox is full: it has enough to do, whatever its load says.
  if (claims_.take(target, parcel.generation, count)) return serve_claimed(parcel.arrivals);
  serve_unclaimed(parcel.arrivals);
}

void Gate::open_inbox(unsigned from, os::Fd receiving_end) {
  const int fd = receiving_end.get();
  OpenInbox& inbox = inboxes_open_[from];
  inbox.watch = nullptr;  // it goes before the descriptor it watches
  inbox.receiving_end = std::move(receiving_end);
  inbox.watch = std::make_unique<Watch>(worker_, fd, [this, fd] { empty_inbox(fd); });
}

bool Gate::empty_inboxes() {
  bool any = false;
  for (const auto& [from, inbox] : inboxes_open_) {
    while (empty_inbox(inbox.receiving_end.get())) any = true;
  }
  return any;
}

bool Gate::empty_inbox(int receiving_end) {
  for (int i = 0; i < kDeliveriesMax; ++i) {
    auto delivery = receive_delivery(receiving_end);
    if (!delivery) return i > 0;
    accept_delivery(*delivery);
  }
  return true;
}

void Gate::accept_delivery(Delivery& delivery) {
  if (delivery.count == 0) return wake();
  const std::size_t lost = delivery.count - delivery.arrivals.size();
  if (lost > 0)
    log::error("connections_lost", {{"count", lost}, {"reason", "too many open files"}});
  pages_[options_.self].counters.connections_taken_over.add(delivery.arrivals.size());
  if (!claims_.take(delivery.target, delivery.generation, delivery.count)) {
    return serve_unclaimed(delivery.arrivals);
  }
  for (std::size_t i = 0; i < lost; ++i) left();
  serve_claimed(delivery.arrivals);
}

void Gate::serve_claimed(std::vector<Arrival>& arrivals) {
  for (Arrival& arrival : arrivals) serve(arrival);
}

void Gate::serve_unclaimed(std::vector<Arrival>& arrivals) {
  for (Arrival& arrival : arrivals) {
    if (claims_.claim()) {
      serve(arrival);
    } else {
      unclaimed_.push_back(std::move(arrival));
    }
  }
}

void Gate::serve(Arrival& arrival) {
  worker_.serve(arrival.connection.release(), *handlers_.at(arrival.listener));
}

void Gate::wake() {
  claims_.stop_waiting();
  std::vector<Arrival> again;
  again.swap(unclaimed_);
  serve_unclaimed(again);
  worker_.readmit();
}

void Gate::wake_someone() {
  const int who = claims_.next_waiting();
  if (who < 0) return;
  if (who == static_cast<int>(options_.self)) {
    // Not from inside the engine's own call.
    wake_due_.start(std::chrono::nanoseconds{0});
    return;
  }
  // A full inbox wakes its reader as well; the mark is put back for the master's next look.
  const auto target = static_cast<unsigned>(who);
  if (!inboxes_.wake(target)) pages_[target].waiting.store(true);
}

void Gate::keep_all() {
  keep_all_ = true;
  send_parcels();
}

}  // namespace ouro::host
