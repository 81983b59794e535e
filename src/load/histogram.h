// Counts of times, from a nanosecond to half an hour, in cells that grow with the value: every
// value is told with the same relative error. Adding is a few instructions and never allocates.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ouro::load {

// Values below 2^Bits have a cell each; above, each power of two is cut into 2^Bits cells, so
// that a value is off by at most 1/2^(Bits+1) of itself when its cell's middle is told.
template <unsigned Bits, typename Count>
class LogHistogram {
 public:
  static constexpr unsigned kLargestPower = 41;  // 2^41 ns are 36 minutes; more counts as that
  static constexpr std::size_t kCells = (std::size_t{kLargestPower} - Bits + 1) << Bits;

  void add(std::uint64_t value) noexcept {
    ++cells_[cell_of(value)];
    ++count_;
    sum_ += value;
    if (value > max_) max_ = value;
  }
  void add_all(const LogHistogram& other) noexcept {
    for (std::size_t i = 0; i < kCells; ++i) cells_[i] += other.cells_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    if (other.max_ > max_) max_ = other.max_;
  }
  void clear() noexcept { *this = LogHistogram(); }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  // The value that `share` (0 to 1) of all are not above; 0 of nothing.
  [[nodiscard]] std::uint64_t quantile(double share) const noexcept {
    const double wanted = share * static_cast<double>(count_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kCells; ++i) {
      seen += cells_[i];
      if (cells_[i] > 0 && static_cast<double>(seen) >= wanted) return told_for(i);
    }
    return max_;
  }

  // For who writes it down: how many are in a cell, and the smallest value that is.
  [[nodiscard]] std::uint64_t in_cell(std::size_t cell) const noexcept { return cells_[cell]; }
  [[nodiscard]] static std::uint64_t begin_of(std::size_t cell) noexcept {
    const std::size_t power = cell >> Bits;
    const std::uint64_t inside = cell & ((std::size_t{1} << Bits) - 1);
    if (power == 0) return inside;
    return ((std::uint64_t{1} << Bits) + inside) << (power - 1);
  }

 private:
  static std::size_t cell_of(std::uint64_t value) noexcept {
    constexpr std::uint64_t kMost = (std::uint64_t{1} << kLargestPower) - 1;
    if (value > kMost) value = kMost;
    if (value >> Bits == 0) return value;
    const auto power = static_cast<unsigned>(std::bit_width(value)) - 1 - Bits;
    return (std::size_t{power + 1} << Bits) + (value >> power) - (std::uint64_t{1} << Bits);
  }
  // The cell's middle, or the largest value there is when that is less.
  [[nodiscard]] std::uint64_t told_for(std::size_t cell) const noexcept {
    const std::uint64_t begin = begin_of(cell);
    const std::uint64_t end = begin_of(cell + 1);
    const std::uint64_t middle = begin + (end - begin) / 2;
    return middle < max_ ? middle : max_;
  }

  std::array<Count, kCells> cells_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

using Histogram = LogHistogram<7, std::uint64_t>;       // within 0.4 %
using SmallHistogram = LogHistogram<4, std::uint32_t>;  // within 3.2 %; one for each connection

}  // namespace ouro::load
