// Who waits before it may receive: for a buffer, or for a turn in which there is time for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/intrusive_list.h"
#include "engine/backend.h"
#include "engine/connection_state.h"

namespace ouro::engine {

using ConnectionList = IntrusiveList<ConnectionState, ConnectionHook>;

// One per worker. First come, first served: whoever asks while others wait stands behind them.
// A connection waits in one queue at most, and leaves it when its turn comes or when it ends.
class ReceiveQueues {
 public:
  explicit ReceiveQueues(const Backend& backend) noexcept : backend_(backend) {}

  // A new turn, in which so many streams may be served.
  void begin_turn(std::uint32_t streams) noexcept { streams_left_ = streams; }
  // True: it may ask for a receive now. False: it waits, and arm_receive() will be called again.
  [[nodiscard]] bool admit(ConnectionState& connection, BufferGroup group, bool stream) noexcept;
  // The same for who needs no buffer.
  [[nodiscard]] bool admit_unbuffered(ConnectionState& connection, bool stream) noexcept;
  // It asked and found no buffer.
  void park(ConnectionState& connection, BufferGroup group) noexcept;
  // Lets those ask for whom there is a place; at the end of a turn, when buffers have come back.
  void serve();
  // True when a turn now would serve somebody.
  [[nodiscard]] bool can_go() const noexcept;

 private:
  // Whose turn it is. A stream that had its turn may still have to wait for a buffer, but not the
  // other way round.
  enum class Serving : std::uint8_t { kNobody, kStreams, kBuffers };
  struct Queue {
    ConnectionList in_vain;  // called, but another was faster: they are next
    ConnectionList waiting;
    std::size_t asked_in_turn = 0;  // by those who did not wait: they find the buffers first

    [[nodiscard]] bool empty() const noexcept { return in_vain.empty() && waiting.empty(); }
  };

  const Backend& backend_;
  std::array<Queue, kBufferGroups> for_buffers_;
  ConnectionList streams_;
  std::uint32_t streams_left_ = 0;  // that this turn may serve
  Serving serving_ = Serving::kNobody;
};

}  // namespace ouro::engine
