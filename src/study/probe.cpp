#include "study/probe.h"

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "os/socket.h"

namespace ouro::study {
namespace {

constexpr std::string_view kQuestion = "ready?\n";

bool try_later(int result) { return result == -EAGAIN || result == -EINTR; }

}  // namespace

Result<Address> free_address() {
  const auto any = Address::parse("127.0.0.1:0");
  if (!any) return any;
  const auto listener = os::listen_socket(*any, {});
  if (!listener) return std::unexpected(listener.error());
  return os::local_address(listener->get());
}

void Probe::connect() noexcept {
  sent_ = received_ = 0;
  auto socket = os::connect_socket(address_);
  if (!socket) return;
  const int result = os::connect_now(socket->get(), address_);
  // Where nobody listens, a socket may be given the very port that it connects to.
  if (os::local_address(socket->get()) == address_) return;
  if (result == 0 || result == -EINPROGRESS) connection_ = std::move(*socket);
}

bool Probe::send() noexcept {
  while (sent_ < kQuestion.size()) {
    std::array<char, kQuestion.size()> question{};
    kQuestion.copy(question.data(), question.size());
    const iovec part{question.data() + sent_, question.size() - sent_};
    const int result =
        os::send_now(connection_.get(), std::span(&part, 1), OperationVariant::kRecv);
    if (result <= 0) return try_later(result);
    sent_ += static_cast<std::size_t>(result);
  }
  return true;
}

bool Probe::answered() noexcept {
  if (!connection_.valid()) connect();
  if (!connection_.valid()) return false;
  if (!send()) {
    connection_.reset();
    return false;
  }
  std::array<std::byte, kQuestion.size()> answer{};
  const int result = os::receive_now(connection_.get(), answer, OperationVariant::kRecv);
  for (int i = 0; i < result; ++i, ++received_) {
    const bool expected = received_ < kQuestion.size() &&
                          answer[static_cast<std::size_t>(i)] == std::byte(kQuestion[received_]);
    wrong_ = wrong_ || !expected;
  }
  if (result <= 0 && !try_later(result)) connection_.reset();
  return !wrong_ && received_ == kQuestion.size();
}

}  // namespace ouro::study
