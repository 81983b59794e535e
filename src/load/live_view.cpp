#include "load/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

namespace ouro::load {
namespace {

constexpr std::size_t kBarWidth = 50;

std::string time_bar(double done) {
  const auto full = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * kBarWidth);
  return std::string(full, '=') + std::string(kBarWidth - full, ' ');
}

std::string lines_of(const Progress& progress, const LoadOptions& options) {
  using Stage = Progress::Stage;
  if (progress.stage == Stage::kConnecting) {
    return fmt::format("connecting {} times to {}\n", options.connections, options.target.text);
  }
  if (progress.stage == Stage::kWarmingUp) {
    return fmt::format("warming up {}\n", options.target.text);
  }
  constexpr double kNsPerUs = 1000;
  const double all = std::chrono::duration<double>(options.duration).count();
  std::string text = fmt::format("[{}] {:.0f} of {:.0f} s\n", time_bar(progress.seconds / all),
                                 progress.seconds, all);
  text += fmt::format("rate     {:>10.0f} requests/s   {:.2f} Gbit/s\n",
                      progress.requests_per_second, progress.bytes_per_second * 8 / 1e9);
  if (options.mode != Mode::kStream) {
    text += fmt::format("latency  p50 {:.1f} us   p99 {:.1f} us   max {:.1f} us\n",
                        static_cast<double>(progress.p50_ns) / kNsPerUs,
                        static_cast<double>(progress.p99_ns) / kNsPerUs,
                        static_cast<double>(progress.max_ns) / kNsPerUs);
  }
  if (options.mode == Mode::kChurn) return text;
  return text + fmt::format("shares   [{}] Jain {:.4f}\n", share_bar(progress.shares, kBarWidth),
                            progress.jain);
}

}  // namespace

std::string share_bar(const std::vector<double>& ascending, std::size_t width) {
  constexpr std::array<std::string_view, 9> kBlocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string bar;
  const double most = ascending.empty() ? 0 : ascending.back();
  for (std::size_t i = 0; i < width; ++i) {
    const double share = ascending.empty() ? 0 : ascending[i * ascending.size() / width];
    const double height = most > 0 ? share / most * (kBlocks.size() - 1) : 0;
    bar += kBlocks[static_cast<std::size_t>(std::lround(height))];
  }
  return bar;
}

std::string LiveView::draw(const Progress& progress) {
  std::string lines = lines_of(progress, options_);
  if (lines == last_) return "";
  const std::string text = erase() + lines;
  lines_ = static_cast<int>(std::ranges::count(lines, '\n'));
  last_ = std::move(lines);
  return text;
}

std::string LiveView::erase() {
  last_.clear();
  if (lines_ == 0) return "";
  return fmt::format("\x1b[{}F\x1b[J", std::exchange(lines_, 0));
}

}  // namespace ouro::load
