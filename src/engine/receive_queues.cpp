#include "engine/receive_queues.h"

#include <utility>

namespace ouro::engine {

bool ReceiveQueues::admit_unbuffered(ConnectionState& connection, bool stream) noexcept {
  if (!stream || serving_ != Serving::kNobody) return true;
  if (streams_left_ == 0 || !streams_.empty()) {
    streams_.push_back(connection);
    return false;
  }
  --streams_left_;
  return true;
}

bool ReceiveQueues::admit(ConnectionState& connection, BufferGroup group, bool stream) noexcept {
  if (!admit_unbuffered(connection, stream)) return false;
  Queue& queue = for_buffers_[static_cast<std::size_t>(group)];
  if (serving_ != Serving::kBuffers && !queue.empty()) {
    queue.waiting.push_back(connection);
    return false;
  }
  ++queue.asked_in_turn;
  return true;
}

void ReceiveQueues::park(ConnectionState& connection, BufferGroup group) noexcept {
  Queue& queue = for_buffers_[static_cast<std::size_t>(group)];
  (connection.was_called ? queue.in_vain : queue.waiting).push_back(connection);
}

void ReceiveQueues::serve() {
  serving_ = Serving::kStreams;
  for (; !streams_.empty() && streams_left_ > 0; --streams_left_) {
    streams_.pop_front()->arm_receive();
  }
  serving_ = Serving::kBuffers;
  for (std::size_t i = 0; i < kBufferGroups; ++i) {
    Queue& queue = for_buffers_[i];
    const std::size_t asked = std::exchange(queue.asked_in_turn, 0);
    if (queue.empty()) continue;
    // No more than there will be buffers for.
    const std::size_t spare = backend_.spare_buffers(static_cast<BufferGroup>(i));
    for (std::size_t n = asked; n < spare && !queue.empty(); ++n) {
      ConnectionState& next = *(queue.in_vain.empty() ? queue.waiting : queue.in_vain).pop_front();
      next.was_called = true;
      next.arm_receive();
    }
    queue.asked_in_turn = 0;
  }
  serving_ = Serving::kNobody;
}

bool ReceiveQueues::can_go() const noexcept {
  if (!streams_.empty()) return true;
  for (std::size_t i = 0; i < kBufferGroups; ++i) {
    if (for_buffers_[i].empty()) continue;
    if (backend_.spare_buffers(static_cast<BufferGroup>(i)) > 0) return true;
  }
  return false;
}

}  // namespace ouro::engine
