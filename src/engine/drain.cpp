#include "engine/drain.h"

#include <algorithm>
#include <utility>

#include "base/units.h"
#include "engine/worker_loop.h"

namespace ouro::engine {

Drain::~Drain() { loop_.timers().stop(*this); }

void Drain::start(std::chrono::milliseconds limit, std::function<void(std::size_t)> done) {
  const std::uint64_t now = loop_.now_ns();
  if (running()) {
    limit_ns_ = std::min(limit_ns_, now - started_ns_ + as_ns(limit));
    return;
  }
  done_ = std::move(done);
  started_ns_ = now;
  limit_ns_ = as_ns(limit);
  loop_.timers().start(*this, now + kLookNs);
}

void Drain::expired() {
  const std::uint64_t now = loop_.now_ns();
  const std::uint64_t passed = now - started_ns_;
  const std::uint64_t flush_ns = std::min(limit_ns_ / 2, kFlushNs);
  const std::uint64_t quiet_ns = std::min(limit_ns_ / 4, kQuietNs);
  loop_.for_each_connection([&](ConnectionState& connection) {
    if (passed >= limit_ns_) {
      if (connection.count_as_cut_short()) ++cut_;
      connection.cut(Errc::kAborted);
    } else if (passed >= limit_ns_ - flush_ns || connection.quiet(now - quiet_ns)) {
      connection.close_for_drain();
    }
  });
  if (loop_.connection_count() == 0) return connections_gone();
  loop_.timers().start(*this, now + kLookNs);
}

void Drain::connections_gone() {
  if (!running()) return;
  loop_.timers().stop(*this);
  const auto done = std::exchange(done_, nullptr);
  done(cut_);
}

}  // namespace ouro::engine
