#include "proxy/client_limits.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/random.h"
#include "base/units.h"
#include "proxy/wire/address_bytes.h"

namespace ouro::proxy {
namespace {

// The lower bits of a slot's first word count, the others are the tag, never 0 of a client.
constexpr int kCountBits = 24;
constexpr std::uint64_t kCountMax = (std::uint64_t{1} << kCountBits) - 1;

// The others change the same slots at the same time; who loses so often against them is not
// counted.
constexpr int kCountTriesMax = 64;

constexpr std::uint64_t count_of(std::uint64_t word) noexcept { return word & kCountMax; }
constexpr std::uint64_t tag_of(std::uint64_t word) noexcept { return word >> kCountBits; }

// All of an IPv4 address, the first half of an IPv6 address; each IPv4 address is a number that
// ranges of IPv6 never begin with (0:ffff::/32 is nobody's).
std::optional<std::uint64_t> client_number(const Address& client) noexcept {
  const auto bytes = ipv6_bytes(client);
  if (!bytes) return std::nullopt;
  const bool ipv4 = is_mapped_ipv4(*bytes);
  std::uint64_t number = ipv4 ? 0xffff : 0;
  for (std::size_t i = ipv4 ? 12 : 0; i < (ipv4 ? 16 : 8); ++i) number = number << 8 | (*bytes)[i];
  return number;
}

// Takes `count` off, or what there is: after a death the counts may be too low.
void subtract(ClientSlot& slot, std::uint64_t count) noexcept {
  std::uint64_t word = slot.tag_and_count.load();
  while (!slot.tag_and_count.compare_exchange_weak(word, word - std::min(count, count_of(word)))) {
  }
}

}  // namespace

void forget_worker(const ClientTable& table, unsigned worker) noexcept {
  const auto counts = table.counts_of(worker);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (const std::uint32_t count = counts[i].load(); count != 0) {
      subtract(table.slots[i], count);
      counts[i].store(0);
    }
  }
}

ClientLimits::ClientLimits(const ClientLimitsOptions& options, const ClientTable& table,
                           unsigned worker) noexcept
    : slots_(table.slots), own_counts_(table.counts_of(worker)) {
  set_options(options);
  OURO_CHECK(std::has_single_bit(slots_.size()) && slots_.size() >= kWays);
}

void ClientLimits::set_options(const ClientLimitsOptions& options) noexcept {
  options_ = options;
  token_ns_ = kSecondNs / std::clamp<std::uint64_t>(options.rate, 1, kSecondNs);
}

ClientLimits::Admission ClientLimits::admit(const Address& client, std::uint64_t now_ns) noexcept {
  if (options_.connections == 0 && options_.rate == 0) return {};
  const auto number = client_number(client);
  if (!number) return {};
  const Admission admission = count_in(home_of(*number));
  if (!admission.place || take_token(slots_[*admission.place], now_ns)) return admission;
  left(admission.place);
  return {Verdict::kTooFast, std::nullopt};
}

ClientLimits::Home ClientLimits::home_of(std::uint64_t client) const noexcept {
  const std::uint64_t hash = mix(mix(client ^ options_.seed) + options_.seed);
  const std::uint64_t set = hash & (slots_.size() / kWays - 1);
  return {static_cast<std::uint32_t>(set * kWays), std::max<std::uint64_t>(tag_of(hash), 1)};
}

ClientLimits::Admission ClientLimits::count_in(const Home& home) noexcept {
  const std::uint64_t limit = options_.connections == 0 ? kCountMax : options_.connections;
  for (int i = 0; i < kCountTriesMax; ++i) {
    const Place known = find(home);
    const Place place = known ? known : quietest(home);
    if (!place) break;
    const std::uint64_t word = slots_[*place].tag_and_count.load();
    const bool own = tag_of(word) == home.tag;
    if (!own && count_of(word) != 0) continue;
    if (count_of(word) >= std::min(limit, kCountMax)) return {Verdict::kTooMany, std::nullopt};
    if (count_at(*place, word, home.tag)) return {Verdict::kYes, place};
  }
  ++uncounted_;
  return {};
}

ClientLimits::Place ClientLimits::find(const Home& home) const noexcept {
  for (std::uint32_t i = home.first; i < home.first + kWays; ++i) {
    if (tag_of(slots_[i].tag_and_count.load()) == home.tag) return i;
  }
  return std::nullopt;
}

// The full bucket that was full first is the one not used for longest.
ClientLimits::Place ClientLimits::quietest(const Home& home) const noexcept {
  Place best;
  std::uint64_t best_ns = 0;
  for (std::uint32_t i = home.first; i < home.first + kWays; ++i) {
    const std::uint64_t full_ns = slots_[i].full_ns.load();
    if (count_of(slots_[i].tag_and_count.load()) != 0 || (best && full_ns >= best_ns)) continue;
    best = i;
    best_ns = full_ns;
  }
  return best;
}

bool ClientLimits::count_at(std::uint32_t slot, std::uint64_t word, std::uint64_t tag) noexcept {
  ClientCount& own = own_counts_[slot];
  own.store(own.load() + 1);
  const std::uint64_t counted = tag << kCountBits | (count_of(word) + 1);
  if (!slots_[slot].tag_and_count.compare_exchange_strong(word, counted)) {
    own.store(own.load() - 1);
    return false;
  }
  // The one before leaves no debt to the next.
  if (tag_of(word) != tag) slots_[slot].full_ns.store(0);
  return true;
}

void ClientLimits::left(Place place) noexcept {
  if (!place) return;
  subtract(slots_[*place], 1);
  ClientCount& own = own_counts_[*place];
  OURO_CHECK(own.load() > 0);
  own.store(own.load() - 1);
}

// A bucket that holds one second of tokens is empty when it will be full in a second from now.
bool ClientLimits::take_token(ClientSlot& slot, std::uint64_t now_ns) const noexcept {
  std::uint64_t full_ns = slot.full_ns.load();
  while (true) {
    const std::uint64_t after_ns = std::max(full_ns, now_ns) + token_ns_;
    if (options_.rate != 0 && after_ns > now_ns + kSecondNs) return false;
    // Without a rate it still tells when the client was last seen.
    if (slot.full_ns.compare_exchange_weak(full_ns, options_.rate != 0 ? after_ns : now_ns)) {
      return true;
    }
  }
}

}  // namespace ouro::proxy
