#include "engine/receive_policy.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ouro::engine {
namespace {

constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

}  // namespace

ReceivePolicy::ReceivePolicy(const LaboratoryOptions& options, const BackendTraits& traits,
                             std::size_t window_bytes) noexcept
    : multishot_(traits.multishot_receive && (options.receive == ReceiveMode::kAuto ||
                                              options.receive == ReceiveMode::kMultishot)),
      limited_(traits.receive_limit),
      poll_first_(options.receive == ReceiveMode::kPollFirst),
      buffer_bytes_(options.buffer_bytes == 0 ? kCreditAlone
                                              : static_cast<std::uint32_t>(options.buffer_bytes)) {
  buffer_bytes_ = static_cast<std::uint32_t>(std::min<std::size_t>(buffer_bytes_, window_bytes));
  credit_alone_ = std::max(kCreditAlone, buffer_bytes_);
}

ReceiveRequest ReceivePolicy::request(const ReceiveHistory& history, std::size_t unsent,
                                      std::size_t window) const noexcept {
  ReceiveRequest request;
  // Room for a few bytes is not worth a receive: the window is about to open further.
  const std::size_t worthwhile = std::min<std::size_t>(buffer_bytes_, window / 2);
  if (unsent > 0 && unsent + worthwhile > window) return request;
  const std::uint32_t credit = mixed_turns_ > 0 ? kCreditMixed : credit_alone_;
  request.credit =
      static_cast<std::uint32_t>(std::min({std::size_t{credit}, credit_max_, window - unsent}));
  request.poll_first = poll_first_;
  if (history.zero_copy) request.group = BufferGroup::kZeroCopy;
  // A multishot may bring up to twice its credit, which must not burst the window. For small
  // messages a smaller credit lasts long enough.
  const bool roomy = unsent == 0 || unsent + credit + buffer_bytes_ <= window;
  const std::size_t half = (window - unsent) / 2;
  const bool lasting = limited_ && !history.large && half >= kSmallBuffer;
  request.multishot = multishot_ && (roomy || lasting) && (limited_ || !history.streaming);
  if (request.multishot && !roomy) {
    request.credit = static_cast<std::uint32_t>(std::min<std::size_t>(request.credit, half));
  }
  if (request.multishot && !limited_ && !history.zero_copy) request.group = BufferGroup::kSmall;
  if (!request.multishot) request.credit = std::min(request.credit, buffer_bytes_);
  return request;
}

bool ReceivePolicy::learn(ReceiveHistory& history, std::size_t received) noexcept {
  const bool small = received < kSmallMessage;
  // What is left over of a large message is no request that would wait behind others.
  if (small && !history.large) ++small_;
  history.large = !small;
  if (!small) saw_large_ = true;
  if (limited_) return false;
  if (!small) {
    history.small_streak = 0;
    const bool moved = !history.streaming;
    history.streaming = true;
    return moved && multishot_;
  }
  if (history.streaming && ++history.small_streak >= kSmallStreak) {
    history.streaming = false;
    history.small_streak = 0;
  }
  return false;
}

void ReceivePolicy::begin_turn() noexcept {
  if (small_ > 0 && saw_large_) mixed_turns_ = kMixedTurns;
  if (mixed_turns_ > 0) --mixed_turns_;
  small_before_ = std::exchange(small_, 0);
  saw_large_ = false;
}

std::uint32_t ReceivePolicy::streams_per_turn() const noexcept {
  return mixed_turns_ > 0 ? 1 + small_before_ / kRequestsPerStream : kNoLimit;
}

}  // namespace ouro::engine
