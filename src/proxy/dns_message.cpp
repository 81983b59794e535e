// The little of a DNS message that c-ares leaves to us: services with the time they hold, which its
// older versions do not tell.
#define CARES_NO_DEPRECATED
#include <ares.h>

#include <algorithm>
#include <optional>

#include "proxy/resolver.h"

namespace ouro::proxy {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr unsigned kClassIn = 1;
constexpr unsigned kTypeSrv = 33;
constexpr std::uint32_t kKeepCredible = 604'800;  // RFC 8767: a week; more is taken for a mistake

// Once it runs beyond the end, everything is zero and empty.
class MessageReader {
 public:
  explicit MessageReader(std::span<const unsigned char> message) : message_(message) {}

  std::uint32_t number(std::size_t bytes) {
    if (!take(bytes)) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = at_ - bytes; i < at_; ++i) value = value << 8 | message_[i];
    return value;
  }
  std::string name() {
    char* text = nullptr;
    long size = 0;
    if (at_ >= message_.size() ||
        ares_expand_name(message_.data() + at_, message_.data(), static_cast<int>(message_.size()),
                         &text, &size) != ARES_SUCCESS) {
      good_ = false;
      return "";
    }
    std::string name(text);
    ares_free_string(text);
    static_cast<void>(take(static_cast<std::size_t>(size)));
    return name;
  }
  bool take(std::size_t bytes) {
    good_ = good_ && bytes <= message_.size() - at_;
    if (good_) at_ += bytes;
    return good_;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  std::span<const unsigned char> message_;
  std::size_t at_ = 0;
  bool good_ = true;
};

void read_record(MessageReader& reader, Services& services) {
  static_cast<void>(reader.name());
  const unsigned type = reader.number(2);
  const unsigned klass = reader.number(2);
  const std::uint32_t keep = std::min(reader.number(4), kKeepCredible);
  const std::size_t size = reader.number(2);
  const std::size_t begin = reader.at();
  if (type == kTypeSrv && klass == kClassIn) {
    ServiceRecord record;
    record.priority = static_cast<std::uint16_t>(reader.number(2));
    record.weight = static_cast<std::uint16_t>(reader.number(2));
    record.port = static_cast<std::uint16_t>(reader.number(2));
    record.target = reader.name();
    if (services.found.empty()) services.keep = std::chrono::seconds{keep};
    services.keep = std::min(services.keep, std::chrono::seconds{keep});
    // "." says that there is no such service (RFC 2782).
    if (reader.good() && !record.target.empty()) services.found.push_back(std::move(record));
    static_cast<void>(reader.take(begin + size - std::min(begin + size, reader.at())));
  } else {
    static_cast<void>(reader.take(size));
  }
}

}  // namespace

Services parse_services(std::span<const unsigned char> message) {
  Services services;
  MessageReader reader(message);
  static_cast<void>(reader.take(4));
  const std::uint32_t questions = reader.number(2);
  const std::uint32_t answers = reader.number(2);
  static_cast<void>(reader.take(kHeaderBytes - 8));
  for (std::uint32_t i = 0; i < questions && reader.good(); ++i) {
    static_cast<void>(reader.name());
    static_cast<void>(reader.take(4));
  }
  for (std::uint32_t i = 0; i < answers && reader.good(); ++i) read_record(reader, services);
  if (services.found.empty()) services.trouble = "there is no such service";
  return services;
}

}  // namespace ouro::proxy
