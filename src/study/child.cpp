#include "study/child.h"

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <utility>

namespace ouro::study {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kTermPatience = 3s;
constexpr auto kKillPatience = 3s;
constexpr std::size_t kLinesKept = 5;
constexpr std::size_t kLineMost = 300;

}  // namespace

Result<Patience> Patience::create() {
  auto signals = os::SignalReader::create();
  if (!signals) return std::unexpected(signals.error());
  return Patience(std::move(*signals));
}

void Patience::wait(std::chrono::milliseconds limit) { wait_readable(-1, limit); }

void Patience::wait_readable(int fd, std::chrono::milliseconds limit) {
  const std::array fds{signals_.fd(), fd};
  if (os::wait_readable(fds, limit)[0]) {
    for (const os::Signal signal : signals_.read()) {
      interrupted_ |= signal != os::Signal::kChildChanged;  // a lost terminal counts too
    }
  }
}

Result<Child> Child::start(const os::Program& program) {
  const auto id = os::spawn(program);
  if (!id) return std::unexpected(id.error());
  return Child(*id, program.error_file);
}

Child::Child(Child&& other) noexcept
    : id_(std::exchange(other.id_, 0)),
      error_file_(std::move(other.error_file_)),
      ending_(other.ending_) {}

Child::~Child() {
  if (id_ == 0) return;
  os::kill_group(id_);
  const auto deadline = Clock::now() + kKillPatience;
  while (!ending() && Clock::now() < deadline) {
    (void)os::wait_readable({}, 5ms);
  }
}

const std::optional<os::Ending>& Child::ending() {
  if (!ending_) ending_ = os::ending_of(id_);
  return ending_;
}

void Child::stop(Patience& patience) {
  if (!ending()) os::terminate_group(id_);
  const auto deadline = Clock::now() + kTermPatience;
  while (!ending() && Clock::now() < deadline) patience.wait(20ms);
}

std::vector<std::string> Child::last_words() const {
  std::ifstream file(error_file_);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    std::ranges::replace_if(line, [](unsigned char letter) { return letter < ' '; }, ' ');
    if (line.empty()) continue;
    lines.push_back(line.substr(0, kLineMost));
    if (lines.size() > kLinesKept) lines.pop_front();
  }
  return {lines.begin(), lines.end()};
}

std::string text_of(const os::Ending& ending) {
  if (ending.signal != 0) return "was killed by " + os::signal_name(ending.signal);
  return "ended with code " + std::to_string(ending.code);
}

}  // namespace ouro::study
