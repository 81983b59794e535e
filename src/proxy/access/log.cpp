#include "proxy/access/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <system_error>

#include "base/log.h"
#include "host/metrics_page.h"
#include "os/clock.h"
#include "proxy/access/line.h"

namespace ouro::proxy {
namespace {

// What is written at once, more or less.
constexpr std::size_t kBatchBytes = std::size_t{64} << 10;
constexpr std::uint64_t kWordEveryNs = 10'000'000'000;

std::int64_t unix_ns_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

AccessLog::AccessLog(const LogRings& rings) noexcept
    : rings_(rings), losses_told_(rings.dropped()) {}

void AccessLog::write_to(AccessTarget target, AccessFormat format) {
  if (is_on()) drain(os::now_ns());
  rings_.counters().dropped.add(count_lines(lines_));
  lines_.clear();
  drained_ = true;
  in_line_ = false;
  target_ = std::move(target);
  format_ = format;
}

void AccessLog::drain(std::uint64_t now_ns) {
  wall_clock_ns_ = unix_ns_now() - static_cast<std::int64_t>(now_ns);
  bool more = true;
  while (more) {
    more = fill();
    drained_ = flush();
    if (!drained_) break;
  }
  tell_of_losses(now_ns);
}

// False: there was no more than that.
bool AccessLog::fill() {
  std::array<std::byte, kRecordBytesMax> bytes;
  for (unsigned empty = 0; empty < rings_.count();) {
    if (lines_.size() >= kBatchBytes) return true;
    const auto record = rings_.ring(next_ring_).take(bytes);
    if (record.empty()) {
      ++empty;
      next_ring_ = (next_ring_ + 1) % rings_.count();
      continue;
    }
    empty = 0;
    const auto read = unpack(record);
    if (!read) continue;
    const auto unix_ns = static_cast<std::int64_t>(read->end.ended_ns) + wall_clock_ns_;
    append_line(lines_, *read, format_, static_cast<std::uint64_t>(unix_ns) / 1'000'000);
  }
  return false;
}

// False: there is more than is taken now.
bool AccessLog::flush() {
  std::string_view left = lines_;
  os::Written written;
  while (!left.empty() && written.system_errno == 0) {
    written = target_.write(left);
    if (written.bytes == 0) break;
    const std::string_view done = left.substr(0, written.bytes);
    rings_.counters().written.add(count_lines(done));
    in_line_ = done.back() != '\n';
    left.remove_prefix(written.bytes);
  }
  lines_.erase(0, lines_.size() - left.size());
  if (written.system_errno != 0 && !written.is_full()) drop_lines(written.system_errno);
  return lines_.empty();
}

// All but the rest of a line that the target has begun: once it takes something again, it will not
// have half a line.
void AccessLog::drop_lines(int system_errno) {
  const std::size_t kept = in_line_ ? lines_.find('\n') + 1 : 0;
  rings_.counters().dropped.add(count_lines(lines_) - (in_line_ ? 1 : 0));
  lines_.resize(kept);
  trouble_ = system_errno;
}

void AccessLog::tell_of_losses(std::uint64_t now_ns) {
  const std::uint64_t losses = rings_.dropped();
  if (losses == losses_told_ || now_ns < next_word_ns_) return;
  const std::string reason =
      trouble_ != 0 ? std::generic_category().message(trouble_) : "nobody reads it fast enough";
  log::warn("access_log_dropped", {{"lines", losses - losses_told_}, {"reason", reason}});
  losses_told_ = losses;
  trouble_ = 0;
  next_word_ns_ = now_ns + kWordEveryNs;
}

void AccessLog::append_metrics(std::string& page) const {
  host::MetricsPage lines(page);
  lines.single("access_log_lines_total", "counter", "lines written to the access log",
               rings_.counters().written.get());
  lines.single("access_log_dropped_total", "counter", "lines the access log has lost",
               rings_.dropped());
}

}  // namespace ouro::proxy
