// How many connections one client may have, and begin in a second, over all workers. The table is
// in memory that they share; each worker process has a ClientLimits of its own on it. No locks.
//
// A slot is two words. The first holds a tag of the client and the count of its connections, so
// that one compare-and-swap takes the slot, counts, and finds out that somebody else has taken it.
// The second is the client's bucket of tokens: one second of them, kept as the time at which it
// will be full. A client has a set of kWays slots to be in. If it is in none, it takes a slot
// without connections, the one that was quiet for longest. If all are others' with connections, it
// is admitted uncounted: better one client too many than one turned away for its neighbours.
//
// What each worker has counted in each slot stands a second time, in a table that it alone writes.
// When it dies, the master takes that off the shared counts. (Were the counts of the workers all
// there is, each admission would have to sum them, and nothing would tell whose they are.) The own
// count goes up before the shared one and down after it, so a death in between can only leave a
// count too low, by one, until the client has gone.
//
// Other ways to be wrong, all on the client's side: two clients with the same tag in the same set
// count as one (a full table has such a pair with a chance of one in four million); two workers
// that meet a new client in the same moment may give it two slots, until the second is quiet.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ouro/address.h"

namespace ouro::proxy {

// Memory of zeros is a table of these without clients.
struct ClientSlot {
  std::atomic<std::uint64_t> tag_and_count{0};
  std::atomic<std::uint64_t> full_ns{0};
};
using ClientCount = std::atomic<std::uint32_t>;

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(ClientCount::is_always_lock_free);

// 1 MiB, and 256 KiB for each worker; of these only the pages that are used.
inline constexpr std::size_t kClientSlots = 65536;

struct ClientTable {
  std::span<ClientSlot> slots;    // a power of two, at least ClientLimits::kWays
  std::span<ClientCount> counts;  // as many for worker 0, then for worker 1, ...

  [[nodiscard]] std::span<ClientCount> counts_of(unsigned worker) const noexcept {
    return counts.subspan(worker * slots.size(), slots.size());
  }
};

// What a worker that has died had counted is free again. By the master, before its successor
// starts.
void forget_worker(const ClientTable& table, unsigned worker) noexcept;

struct ClientLimitsOptions {
  std::uint64_t connections = 0;  // of one client at a time; 0: no limit
  std::uint64_t rate = 0;  // new ones in a second, all of them at once if need be; 0: no limit
  std::uint64_t seed = 0;  // the same in all workers; a secret, or clients could choose sets
};

class ClientLimits {
 public:
  static constexpr std::size_t kWays = 8;  // two cache lines

  enum class Verdict : std::uint8_t { kYes, kTooMany, kTooFast };
  // To be kept with the connection. Holds nothing if it was not counted.
  using Place = std::optional<std::uint32_t>;
  struct Admission {
    Verdict verdict = Verdict::kYes;
    Place place;
  };

  // `worker`: whose this is.
  ClientLimits(const ClientLimitsOptions& options, const ClientTable& table,
               unsigned worker) noexcept;

  // Of who is here, nothing changes.
  void set_options(const ClientLimitsOptions& options) noexcept;

  // May this client have one more connection? `now_ns`: of a clock that all workers share. Clients
  // of IPv6 are counted by /64, which is what one customer gets; those of Unix sockets are not.
  [[nodiscard]] Admission admit(const Address& client, std::uint64_t now_ns) noexcept;
  // A connection that was admitted has ended.
  void left(Place place) noexcept;

  // Clients that found all slots of their set taken.
  [[nodiscard]] std::uint64_t uncounted() const noexcept { return uncounted_; }

 private:
  // Where a client may be, and what it is called there.
  struct Home {
    std::uint32_t first = 0;
    std::uint64_t tag = 0;
  };

  [[nodiscard]] Home home_of(std::uint64_t client) const noexcept;
  [[nodiscard]] Place find(const Home& home) const noexcept;
  [[nodiscard]] Place quietest(const Home& home) const noexcept;
  [[nodiscard]] Admission count_in(const Home& home) noexcept;
  // Counts one more in that slot, if it still holds `word`. Takes it over if that is another's.
  [[nodiscard]] bool count_at(std::uint32_t slot, std::uint64_t word, std::uint64_t tag) noexcept;
  [[nodiscard]] bool take_token(ClientSlot& slot, std::uint64_t now_ns) const noexcept;

  ClientLimitsOptions options_;
  std::span<ClientSlot> slots_;
  std::span<ClientCount> own_counts_;
  std::uint64_t token_ns_ = 0;  // between two tokens
  std::uint64_t uncounted_ = 0;
};

}  // namespace ouro::proxy
