#include "proxy/wire/client_hello.h"

#include <algorithm>

#include "proxy/wire/byte_order.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kRecordStart = 5;  // type, version, length
constexpr std::size_t kTlsRecordMax = 16384;
constexpr std::size_t kMessageStart = 4;  // type, length
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kMajorVersion = 3;  // of SSLv3 and of every TLS
constexpr std::uint8_t kClientHello = 1;
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kSessionIdBytesMax = 32;
constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kAlpn = 16;
constexpr std::uint8_t kHostName = 0;
constexpr std::size_t kLabelBytesMax = 63;

// Goes through the message, or a part of it, as if it were in one piece. Who asks for more than
// there is gets zeros and an end, and may look for failed() later.
class Cursor {
 public:
  // The first `size` bytes of the message in `records`, which holds them.
  Cursor(std::string_view records, std::size_t size) noexcept : records_(records), left_(size) {}

  std::uint8_t u8() noexcept {
    const std::size_t here = at_after_start();
    const bool there = left_ > 0;
    skip(1);
    return there ? read_u8(records_, here) : std::uint8_t{0};
  }
  std::uint16_t u16() noexcept {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u24() noexcept {
    const std::uint32_t high = u8();
    return high << 16 | u16();
  }
  void skip(std::size_t count) noexcept {
    if (count > left_) return fail();
    left_ -= count;
    while (count > 0) {
      at_ = at_after_start();
      if (record_left_ == 0) record_left_ = read_u16(records_, at_ - 2);
      const std::size_t step = std::min(count, record_left_);
      at_ += step;
      record_left_ -= step;
      count -= step;
    }
  }
  // The next `count` bytes as a part of their own.
  Cursor take(std::size_t count) noexcept {
    Cursor part = *this;
    skip(count);
    part.left_ = failed_ ? 0 : count;
    return part;
  }
  [[nodiscard]] std::size_t left() const noexcept { return left_; }
  [[nodiscard]] bool empty() const noexcept { return left_ == 0; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  // All of it was there, and was read.
  [[nodiscard]] bool ended() const noexcept { return empty() && !failed_; }

 private:
  [[nodiscard]] std::size_t at_after_start() const noexcept {
    return record_left_ == 0 ? at_ + kRecordStart : at_;
  }
  void fail() noexcept {
    failed_ = true;
    left_ = 0;
  }

  std::string_view records_;
  std::size_t left_;
  std::size_t at_ = 0;
  std::size_t record_left_ = 0;  // 0: a record starts here
  bool failed_ = false;
};

// What so much of the message takes up at least, if `room` of it fit into the record that has
// begun.
std::size_t bytes_to_hold(std::size_t message, std::size_t room) noexcept {
  const std::size_t rest = message - std::min(message, room);
  return message + (rest + kTlsRecordMax - 1) / kTlsRecordMax * kRecordStart;
}

char to_lower(char letter) noexcept {
  return static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

bool is_symbol(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// `name`: in small letters.
bool is_host_name(std::string_view name) noexcept {
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.' ? label == 0 : !is_symbol(c)) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > kLabelBytesMax) return false;
  }
  return label > 0;
}

bool read_name(Cursor name, ClientHello& hello) noexcept {
  // A dot at the end is against the RFC, means the same, and is sent.
  std::array<char, kHostNameBytesMax + 1> text{};
  std::size_t size = name.left();
  if (size > text.size()) return false;
  for (std::size_t i = 0; i < size; ++i) text[i] = to_lower(static_cast<char>(name.u8()));
  if (size > 0 && text[size - 1] == '.') --size;
  if (size > kHostNameBytesMax || !is_host_name({text.data(), size})) return false;
  std::copy_n(text.begin(), size, hello.text.begin());
  hello.size = static_cast<std::uint8_t>(size);
  return true;
}

// One host name; what else may be named is not defined yet, and passed over.
bool read_names(Cursor extension, ClientHello& hello) noexcept {
  Cursor list = extension.take(extension.u16());
  if (!extension.ended() || list.empty()) return false;
  bool named = false;
  while (!list.empty()) {
    const std::uint8_t type = list.u8();
    const Cursor name = list.take(list.u16());
    if (list.failed()) return false;
    if (type != kHostName) continue;
    // Of two, the server behind us may take the other.
    if (named || !read_name(name, hello)) return false;
    named = true;
  }
  return true;
}

bool read_extensions(Cursor extensions, ClientHello& hello) noexcept {
  bool names_seen = false;
  while (!extensions.empty()) {
    const std::uint16_t type = extensions.u16();
    const Cursor extension = extensions.take(extensions.u16());
    if (extensions.failed()) return false;
    if (type == kAlpn) hello.alpn = true;
    if (type != kServerName) continue;
    if (names_seen || !read_names(extension, hello)) return false;
    names_seen = true;
  }
  return true;
}

bool read_message(Cursor message, ClientHello& hello) noexcept {
  message.skip(kMessageStart);
  if (message.u8() != kMajorVersion) return false;
  message.skip(1 + kRandomBytes);
  const std::size_t session_id = message.u8();
  message.skip(session_id);
  const std::size_t cipher_suites = message.u16();
  message.skip(cipher_suites);
  const std::size_t compressions = message.u8();
  message.skip(compressions);
  if (message.failed() || session_id > kSessionIdBytesMax) return false;
  if (cipher_suites == 0 || cipher_suites % 2 != 0 || compressions == 0) return false;
  if (message.empty()) return true;  // before there were extensions
  const Cursor extensions = message.take(message.u16());
  return message.ended() && read_extensions(extensions, hello);
}

}  // namespace

ClientHelloReader::State ClientHelloReader::read(std::string_view received,
                                                 ClientHello& hello) noexcept {
  while (true) {
    const State record = enter_record(received);
    if (record != State::kDone) return record;
    if (!learn_size(received)) return State::kWrong;

    const std::size_t body = record_ + kRecordStart;
    const std::size_t length = read_u16(received, body - 2);
    const std::size_t have = std::min(received.size() - body, length);
    const std::size_t wanted = std::max<std::size_t>(message_size_, kMessageStart);
    const std::size_t missing = wanted - message_before_;
    if (message_size_ != 0 && missing <= have) {
      if (body + missing > kClientHelloBytesMax) return State::kWrong;
      hello = {};
      return read_message({received, message_size_}, hello) ? State::kDone : State::kWrong;
    }
    if (have < length) return need(body + bytes_to_hold(missing, length));
    record_ = static_cast<std::uint32_t>(body + length);
    message_before_ += static_cast<std::uint32_t>(length);
  }
}

// Done when the start of the record is there, and good.
ClientHelloReader::State ClientHelloReader::enter_record(std::string_view received) noexcept {
  const std::string_view record = received.substr(record_);
  const State other = record_ == 0 ? State::kNotTls : State::kWrong;
  if (!record.empty() && read_u8(record, 0) != kHandshake) return other;
  if (record.size() > 1 && read_u8(record, 1) != kMajorVersion) return other;
  if (record.size() < kRecordStart) {
    const std::size_t wanted = std::max<std::size_t>(message_size_, kMessageStart);
    return need(record_ + bytes_to_hold(wanted - message_before_, 0));
  }
  const std::size_t length = read_u16(record, 3);
  return length == 0 || length > kTlsRecordMax ? State::kWrong : State::kDone;
}

// Learns the size of the message as soon as it can be seen. False: it is another message.
bool ClientHelloReader::learn_size(std::string_view received) noexcept {
  const std::size_t body = record_ + kRecordStart;
  const std::size_t have =
      message_before_ + std::min<std::size_t>(received.size() - body, read_u16(received, body - 2));
  if (message_size_ != 0 || have == 0) return true;
  Cursor start(received, std::min(have, kMessageStart));
  if (start.u8() != kClientHello) return false;
  if (have >= kMessageStart) message_size_ = kMessageStart + start.u24();
  return true;
}

ClientHelloReader::State ClientHelloReader::need(std::size_t bytes) noexcept {
  needs_ = static_cast<std::uint32_t>(bytes);
  return bytes > kClientHelloBytesMax ? State::kWrong : State::kNeedMore;
}

}  // namespace ouro::proxy
