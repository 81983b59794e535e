#include "load/pattern.h"

#include <gtest/gtest.h>

#include <vector>

namespace ouro::load {
namespace {

TEST(PatternTest, pieces_follow_each_other_without_a_seam) {
  const Pattern pattern;
  std::vector<std::byte> by_bytes;
  for (std::uint64_t i = 0; i < 200'000; ++i) by_bytes.push_back(pattern.piece(3, i, 1).front());
  for (const std::size_t count : {std::size_t{1}, std::size_t{1000}, Pattern::kPieceMax}) {
    for (std::uint64_t offset = 0; offset + count < by_bytes.size(); offset += 9973) {
      const auto piece = pattern.piece(3, offset, count);
      ASSERT_EQ(piece.size(), count);
      ASSERT_TRUE(std::equal(piece.begin(), piece.end(), by_bytes.begin() + offset)) << offset;
    }
  }
}

TEST(PatternTest, a_piece_has_a_bound) {
  EXPECT_EQ(Pattern().piece(0, 0, std::size_t{1} << 20).size(), Pattern::kPieceMax);
}

TEST(PatternTest, what_was_sent_is_no_difference) {
  const Pattern pattern;
  for (const std::size_t count : {1, 4096, 65536}) {
    const auto piece = pattern.piece(7, 123456, count);
    EXPECT_EQ(pattern.first_difference(7, 123456, piece), std::nullopt);
  }
}

TEST(PatternTest, the_first_wrong_byte_is_named) {
  const Pattern pattern;
  const auto piece = pattern.piece(1, 1000, 5000);
  std::vector<std::byte> bytes(piece.begin(), piece.end());
  bytes[4000] ^= std::byte{1};
  bytes[4500] ^= std::byte{1};
  EXPECT_EQ(pattern.first_difference(1, 1000, bytes), 5000U);
}

TEST(PatternTest, another_connections_bytes_and_shifted_ones_differ) {
  const Pattern pattern;
  const auto piece = pattern.piece(1, 0, 64);
  EXPECT_TRUE(pattern.first_difference(2, 0, piece));
  EXPECT_TRUE(pattern.first_difference(1, 1, piece));
  EXPECT_TRUE(pattern.first_difference(1, 1024, piece));
  EXPECT_TRUE(pattern.first_difference(1, 65536, piece));
}

TEST(PatternTest, received_bytes_may_be_longer_than_a_piece) {
  const Pattern pattern;
  std::vector<std::byte> bytes;
  while (bytes.size() < 3 * Pattern::kPieceMax) {
    const auto piece = pattern.piece(5, bytes.size(), Pattern::kPieceMax);
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(pattern.first_difference(5, 0, bytes), std::nullopt);
  bytes.back() ^= std::byte{0x80};
  EXPECT_EQ(pattern.first_difference(5, 0, bytes), bytes.size() - 1);
}

}  // namespace
}  // namespace ouro::load
