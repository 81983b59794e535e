// Reads what a server answers to a health check, piece by piece. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ouro::proxy {

enum class Verdict : std::uint8_t { kNeedMore, kGood, kBad };

// Looks for a text, wherever the pieces are cut.
class ExpectedText {
 public:
  explicit ExpectedText(std::string_view wanted) : wanted_(wanted) {}
  // kBad: it was not in the first kLookedAtMost bytes.
  [[nodiscard]] Verdict read(std::string_view piece);

 private:
  static constexpr std::size_t kLookedAtMost = 65536;

  std::string wanted_;
  std::string seen_;  // the end of what came, shorter than what is looked for
  std::size_t looked_at_ = 0;
};

// Reads the first line of an HTTP/1.x response. What comes behind it does not matter.
class StatusLine {
 public:
  // kGood: there is a status(). kBad: it is no such line.
  [[nodiscard]] Verdict read(std::string_view piece);
  [[nodiscard]] unsigned status() const noexcept { return status_; }

 private:
  static constexpr std::size_t kLineMost = 1024;

  [[nodiscard]] bool parse(std::string_view line);

  std::string line_;
  unsigned status_ = 0;
};

// For logs: without the ends of lines behind it, and a dot for each other letter that is not
// printable ASCII.
[[nodiscard]] std::string printable(std::string_view text);

// Empty: 200 to 399.
[[nodiscard]] bool is_good_status(unsigned status, const std::vector<unsigned>& good);

}  // namespace ouro::proxy
