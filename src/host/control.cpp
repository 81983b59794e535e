#include "host/control.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "os/fd_passing.h"

namespace ouro::host {
namespace {

// On the wire between two processes of the same program.
struct Packet {
  MessageKind kind{};
  std::uint32_t text_size = 0;
  std::uint64_t number = 0;
  std::array<char, kTextMax> text{};
};

}  // namespace

bool send_control(int socket, const Message& message) noexcept {
  Packet packet;
  packet.kind = message.kind;
  packet.number = message.number;
  packet.text_size = static_cast<std::uint32_t>(std::min(message.text.size(), kTextMax));
  std::copy_n(message.text.data(), packet.text_size, packet.text.data());
  return os::send_message(socket, std::as_bytes(std::span(&packet, 1)), message.fds);
}

std::optional<ReceivedMessage> receive_control(int socket, bool& gone) {
  Packet packet;
  ReceivedMessage message;
  const os::Reception reception =
      os::receive_message(socket, std::as_writable_bytes(std::span(&packet, 1)), message.fds);
  gone = reception.what == os::Received::kGone;
  if (reception.what != os::Received::kMessage || reception.size != sizeof packet) {
    return std::nullopt;
  }
  message.kind = packet.kind;
  message.number = packet.number;
  message.text.assign(packet.text.data(), std::min<std::size_t>(packet.text_size, kTextMax));
  return message;
}

}  // namespace ouro::host
