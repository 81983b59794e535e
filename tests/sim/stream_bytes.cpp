#include "sim/stream_bytes.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/pattern.h"

namespace ouro::sim {
namespace {

constexpr std::size_t kPeriod = 65'521;  // a prime: no buffer's size divides it
constexpr std::size_t kPieceMax = 65'536;
constexpr std::uint64_t kStride = 7'919;  // neighbouring streams lie far apart

// Longer than the period, so that a piece may begin anywhere in it.
const std::byte* table() {
  static const std::vector<std::byte> kTable = [] {
    std::vector<std::byte> bytes = test::make_pattern(0, 0, kPeriod);
    bytes.resize(kPeriod + kPieceMax);
    for (std::size_t i = kPeriod; i < bytes.size(); ++i) bytes[i] = bytes[i - kPeriod];
    return bytes;
  }();
  return kTable.data();
}

// Calls `piece(bytes, position, count)` for each run within the table.
template <typename Piece>
bool for_each_piece(std::uint32_t stream, std::uint64_t offset, std::size_t size, Piece piece) {
  for (std::size_t done = 0; done < size;) {
    const std::size_t at = (stream * kStride + offset + done) % kPeriod;
    const std::size_t count = std::min(size - done, kPieceMax);
    if (!piece(table() + at, done, count)) return false;
    done += count;
  }
  return true;
}

}  // namespace

void stream_bytes(std::uint32_t stream, std::uint64_t offset, std::span<std::byte> out) {
  for_each_piece(stream, offset, out.size(),
                 [&](const std::byte* bytes, std::size_t at, std::size_t count) {
                   std::memcpy(out.data() + at, bytes, count);
                   return true;
                 });
}

bool stream_matches(std::uint32_t stream, std::uint64_t offset, std::span<const std::byte> bytes) {
  return for_each_piece(stream, offset, bytes.size(),
                        [&](const std::byte* expected, std::size_t at, std::size_t count) {
                          return std::memcmp(bytes.data() + at, expected, count) == 0;
                        });
}

}  // namespace ouro::sim
